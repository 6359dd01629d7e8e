"""``qpu-bridge device new``: what it writes, and what it refuses before it solves anything."""

import tomllib

import pytest
from typer.testing import CliRunner

from qpu_bridge.errors import SettingsError
from qpu_emulator.chip.device import Device
from qpu_emulator.commands import app


def _new(*words):
    done = CliRunner().invoke(app, ["new", *map(str, words)])
    if isinstance(done.exception, SettingsError):
        raise done.exception
    return done


def test_a_new_device_is_three_files_and_replaces_none(tmp_path):
    words = ("emu_pair", "--qubits", 2, "--folder", tmp_path)
    assert _new(*words).exit_code == 0
    rack = tomllib.loads((tmp_path / "emu_pair.toml").read_text())
    assert rack["devices"]["emu_pair"]["snapshot"] == "emu_pair_snapshot.json"
    before = Device.read(tmp_path / "emu_pair_device.json")
    with pytest.raises(SettingsError, match="must not replace another"):
        _new(*words, "--seed", 9)
    assert Device.read(tmp_path / "emu_pair_device.json") == before
    assert _new(*words, "--seed", 9, "--overwrite").exit_code == 0
    assert Device.read(tmp_path / "emu_pair_device.json") != before


@pytest.mark.parametrize("name", ["foo", "../emu_x", "a/emu_y", "emu x", "mock_five", "emu_" + "x" * 50])
def test_a_name_that_no_rack_takes_is_refused(tmp_path, name):
    with pytest.raises(SettingsError, match="must fit into a rack file"):
        _new(name, "--folder", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_seed_below_zero_is_refused(tmp_path):
    done = _new("emu_pair", "--qubits", 2, "--seed", -1, "--folder", tmp_path)
    assert done.exit_code == 2
    assert "--seed" in done.output
