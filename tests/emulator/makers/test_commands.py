"""``qpu-bridge device new``: what it writes, and what it refuses before it solves anything."""

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qpu_bridge.errors import SettingsError
from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.settings import Rack
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_emulator import five, five_ecr
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


@pytest.mark.parametrize(("option", "value"), [("--seed", -1), ("--seed", 2**63), ("--drift", 1e300), ("--drift", "nan")])
def test_a_number_beyond_its_range_is_refused(tmp_path, option, value):
    done = _new("emu_pair", "--qubits", 2, option, value, "--folder", tmp_path)
    assert done.exit_code == 2
    assert option in done.output


@pytest.mark.parametrize("size", [0, 1, 10**6])
def test_a_chip_of_no_size_is_refused_before_it_is_drawn(tmp_path, size):
    with pytest.raises(SettingsError, match=f"must have from 2 to 1024 qubits; got {size}"):
        _new("emu_pair", "--qubits", size, "--folder", tmp_path)


def test_a_folder_of_any_name_makes_a_rack_that_can_be_read(tmp_path):
    folder = tmp_path / 'a "lab" \\ of ours'
    assert _new("emu_pair", "--qubits", 2, "--folder", folder).exit_code == 0
    moved = folder.rename(tmp_path / "elsewhere")
    (spec,) = Rack.read(moved / "emu_pair.toml").devices.values()
    assert Path(spec.options["truth"]) == moved / "emu_pair_device.json"
    assert Path(spec.snapshot) == moved / "emu_pair_snapshot.json"
    device = open_driver(spec.driver, "emu_pair", open_snapshot(spec.snapshot, "emu_pair"), spec.options)
    assert device.capabilities().source == "qpu_emulator, hidden truth emu_pair"
    device.close()


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_solved(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="must have a folder; got Not a directory"):
        _new("emu_pair", "--qubits", 2, "--folder", tmp_path / "file" / "folder")


@pytest.mark.parametrize("lab", [five, five_ecr])
def test_the_twin_of_a_calibrated_device_is_what_its_calibration_says(tmp_path, lab):
    folder = tmp_path / "data" / "calibration" / "emu_lab"
    known = Versions(folder).found(lab.snapshot())
    assert _new("emu_twin", "--snapshot", folder, "--folder", tmp_path, "--no-cache").exit_code == 0
    truth, believed = Device.read(tmp_path / "emu_twin_device.json"), Snapshot.read(tmp_path / "emu_twin_snapshot.json")
    for transmon, qubit in zip(truth.transmons, known.qubits, strict=True):
        assert (transmon.frequency, transmon.anharmonicity) == pytest.approx((qubit.frequency, qubit.anharmonicity), abs=1)
        assert (transmon.t1, transmon.t2) == pytest.approx((qubit.t1, qubit.t2))
    for gate in known.gates:
        if gate.name in ("sx", "cz", "ecr"):
            like = believed.gate(gate.name, *gate.qubits)
            assert (like.error, like.duration) == pytest.approx((gate.error, gate.duration), rel=0.03)
    for measure in known.measures:
        like = believed.measure(measure.qubit)
        assert like.prob_meas1_prep0 == pytest.approx(measure.prob_meas1_prep0, rel=0.03)
        assert like.prob_meas0_prep1 == pytest.approx(measure.prob_meas0_prep1, rel=0.03)


def test_a_folder_without_a_calibration_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="must have a version"):
        _new("emu_twin", "--snapshot", tmp_path, "--folder", tmp_path)
