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


def test_an_unknown_snapshot_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="five"):
        plugins.open_snapshot(tmp_path / "nothing.json")


def test_a_snapshot_is_read_from_a_file(tmp_path: Path) -> None:
    snapshot = plugins.open_snapshot("five")
    snapshot.write(tmp_path / "lab.json")
    assert plugins.open_snapshot(tmp_path / "lab.json") == snapshot


def test_an_option_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match="colour"):
        plugins.open_driver("loopback", "lab_five", plugins.open_snapshot("five"), {"colour": "blue"})
