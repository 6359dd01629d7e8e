"""The rack file is checked whole before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Rack, is_loopback

RACK = """
[bridge]
port = 9000
data_dir = "data"

[devices.lab_five]
driver = "emulator"
snapshot = "five"

[devices.lab_two]
driver = "loopback"
snapshot = "./two.json"
endpoint = "tcp://127.0.0.1:7000"
options = { speed = 2.0 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rack.toml"
    path.write_text(text)
    return path


def test_without_a_file_there_is_one_emulated_device() -> None:
    rack = Rack()
    assert rack.bridge.host == "127.0.0.1"
    assert {name: (device.driver, device.snapshot) for name, device in rack.devices.items()} == {"emu_five": ("emulator", "five")}


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    rack = Rack.read(write(tmp_path, RACK))
    assert rack.bridge.data_dir == tmp_path / "data"
    assert rack.devices["lab_five"].snapshot == "five"
    assert Path(rack.devices["lab_two"].snapshot) == tmp_path / "two.json"
    assert rack.devices["lab_two"].options == {"speed": 2.0}


def test_options_that_say_so_are_paths_relative_to_the_file(tmp_path: Path) -> None:
    options = '{ truth = "./one.json", near = "one.json", at = "tcp://h:1", parts = [{ file = "../two.json", on = true }] }'
    rack = Rack.read(write(tmp_path, f'[devices.lab_one]\ndriver = "emulator"\noptions = {options}\n'))
    assert rack.devices["lab_one"].options == {
        "truth": str(tmp_path / "one.json"),
        "near": "one.json",
        "at": "tcp://h:1",
        "parts": [{"file": str(tmp_path / "../two.json"), "on": True}],
    }


def test_endpoint_defaults_to_a_local_socket(tmp_path: Path) -> None:
    rack = Rack.read(write(tmp_path, RACK))
    assert rack.endpoint("lab_two") == "tcp://127.0.0.1:7000"
    with pytest.raises(SettingsError, match=r"must be in the rack.*lab_five, lab_two"):
        rack.endpoint("lab_six")
    short = Rack.from_document({"bridge": {"data_dir": "/srv/q"}})
    assert short.endpoint("emu_five") == "ipc:///srv/q/emu_five.ipc"
    long = Rack.from_document({"bridge": {"data_dir": "/tmp/" + "q" * 100}})
    with pytest.raises(SettingsError, match="107 bytes"):
        long.endpoint("emu_five")


def test_the_emulator_is_replaced_by_one_word(tmp_path: Path) -> None:
    before = Rack.read(write(tmp_path, RACK))
    after = Rack.read(write(tmp_path, RACK.replace('"emulator"', '"loopback"')))
    assert after.devices["lab_five"] == before.devices["lab_five"].model_copy(update={"driver": "loopback"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[bridge]\nport = 99999", "bridge.port"),
        ("[bridge]\nprt = 1", "bridge.prt"),
        ("[devices.five]\ndriver = 'emulator'", "devices.five"),
        ("[devices.mock_five]\ndriver = 'emulator'", "devices.mock_five"),
        ("[devices.emu_five]\nsnapshot = 'five'", "devices.emu_five.driver"),
        ("[devices.emu_five]\ndriver = 'emulator'\nendpoint = 'http://x'", "devices.emu_five.endpoint"),
        ("[devices]", "devices"),
        ("[bridge", "must be TOML"),
    ],
)
def test_an_error_names_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Rack.read(write(tmp_path, text))
    assert says in caught.value.sentence
    assert str(tmp_path / "rack.toml") in caught.value.sentence


def test_an_unknown_key_is_answered_with_those_there_are_and_a_wrong_name_with_a_right_one(tmp_path: Path) -> None:
    for text, says in (
        ("[bridge]\nprt = 1", "bridge.prt: unknown; the keys here are host, port,"),
        ("[devices.lab_one]\ndriver = 'x'\nspeed = 1", "the keys here are driver, snapshot, endpoint, options, allow_simulated"),
        ("[racks]", "racks: unknown; the keys here are bridge, devices"),
        ("[devices.five]\ndriver = 'x'", "devices.five: a device's name must be letters, digits and an underscore"),
    ):
        with pytest.raises(SettingsError) as caught:
            Rack.read(write(tmp_path, text))
        assert says in caught.value.sentence


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="readable"):
        Rack.read(tmp_path / "none.toml")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "bridge.lab"])
def test_leaving_the_machine_needs_tls_or_a_word(host: str) -> None:
    with pytest.raises(SettingsError, match="plain_http_off_loopback"):
        Rack.from_document({"bridge": {"host": host}})
    assert Rack.from_document({"bridge": {"host": host, "plain_http_off_loopback": True}}).bridge.host == host
    assert Rack.from_document({"bridge": {"host": host, "tls_certificate": "c.pem", "tls_key": "k.pem"}}).bridge.host == host


def test_certificate_and_key_come_together() -> None:
    with pytest.raises(SettingsError, match="together"):
        Rack.from_document({"bridge": {"tls_certificate": "c.pem"}})


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_limits_have_a_table_of_their_own() -> None:
    assert Rack().bridge.limits.session_seconds == 8 * 3600
    rack = Rack.from_document({"bridge": {"limits": {"seconds": 100, "session_idle_seconds": 30}}})
    assert (rack.bridge.limits.seconds, rack.bridge.limits.session_idle_seconds) == (100, 30)
    for table, says in (
        ({"second": 1}, r"bridge.limits.second: unknown; the keys here are pending_jobs, instance_pending_jobs, seconds"),
        ({"pending_jobs": 0}, "bridge.limits.pending_jobs: .*greater than or equal to 1"),
        ({"session_idle_seconds": 1000}, "session_idle_seconds must not be more than session_longest_idle_seconds"),
    ):
        with pytest.raises(SettingsError, match=says):
            Rack.from_document({"bridge": {"limits": table}})


def test_bounds_of_lines_stand_under_their_device(tmp_path: Path) -> None:
    text = (
        RACK
        + """
[devices.lab_five.bounds.drive]
max_amplitude = 0.5
[devices.lab_five.bounds.lines.d0]
max_power_dbm = -30
full_scale_dbm = -12.5
min_frequency = 4.8e9
"""
    )
    bounds = Rack.read(write(tmp_path, text)).devices["lab_five"].bounds
    assert bounds.drive.max_amplitude == 0.5
    assert bounds.lines["d0"].full_scale_dbm == -12.5
    for wrong, says in (
        ("max_amplitude = 2", "devices.lab_five.bounds.lines.d0.max_amplitude: Input should be less than or equal to 1"),
        ("max_amplitude = nan", "devices.lab_five.bounds.lines.d0.max_amplitude: Input should be"),
        ("max_power = 2", "bounds.lines.d0.max_power: unknown; the keys here are max_amplitude, max_sum, max_power_dbm"),
        ("max_frequency = 1e9", "min_frequency must not be above max_frequency"),
    ):
        with pytest.raises(SettingsError) as caught:
            Rack.read(write(tmp_path, text + wrong))
        assert says in caught.value.sentence
    with pytest.raises(SettingsError, match="the keys here are drive, flux, readout, acquire, lines"):
        Rack.from_document({"devices": {"lab_five": {"driver": "x", "bounds": {"max_amplitude": 0.3}}}})
