"""Entry points: the built-in drivers enter by the stranger's door."""

from __future__ import annotations

from pathlib import Path

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Driver
from qpu_bridge.errors import SettingsError


def test_the_built_in_drivers_are_found() -> None:
    assert {"loopback", "emulator"} <= set(plugins.driver_names())


def test_a_driver_is_built_by_its_name() -> None:
    driver = plugins.open_driver("loopback", "lab_five", plugins.open_snapshot("five"), {})
    assert isinstance(driver, Driver)
    assert driver.capabilities().device == "lab_five"
    driver.close()


def test_an_unknown_driver_lists_those_there_are() -> None:
    with pytest.raises(SettingsError, match="emulator, loopback"):
        plugins.open_driver("teapot", "lab_five", plugins.open_snapshot("five"), {})


def test_the_name_of_a_driver_is_looked_up_without_importing_it() -> None:
    plugins.require_driver("loopback")
    with pytest.raises(SettingsError, match="emulator, loopback"):
        plugins.require_driver("teapot")


def test_a_driver_that_lacks_verbs_is_refused_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half:
        def __init__(self, *given: object) -> None: ...
        def capabilities(self) -> None: ...
        def load(self, schedule: object) -> None: ...
        def run(self, run: object) -> None: ...

        status = "idle"

    snapshot = plugins.open_snapshot("five")
    monkeypatch.setattr(plugins, "_load", lambda *given: Half)
    with pytest.raises(SettingsError, match=r"Half without abort, status, close"):
        plugins.open_driver("half", "lab_five", snapshot, {})


def test_an_unknown_snapshot_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="five"):
        plugins.open_snapshot(tmp_path / "nothing.json")


def test_a_snapshot_is_read_from_a_file(tmp_path: Path) -> None:
    snapshot = plugins.open_snapshot("five")
    snapshot.write(tmp_path / "lab.json")
    assert plugins.open_snapshot(tmp_path / "lab.json") == snapshot


def test_a_snapshot_takes_the_name_of_the_device_that_it_is_used_for(tmp_path: Path) -> None:
    plugins.open_snapshot("five").write(tmp_path / "lab.json")
    for source in ("five", tmp_path / "lab.json"):
        assert plugins.open_snapshot(source, "lab_nine").device == "lab_nine"
        assert plugins.open_snapshot(source, "lab_nine").qubits == plugins.open_snapshot(source).qubits


def test_an_option_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match="colour"):
        plugins.open_driver("loopback", "lab_five", plugins.open_snapshot("five"), {"colour": "blue"})
