"""A cluster at an address: here the vendor's dummy stands in for it, and the driver does not know."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Run
from qpu_bridge.errors import DriverFault, SettingsError
from qpu_bridge.schedule import Builder, Column, Output, Table
from qpu_bridge.target import Snapshot
from qpu_drivers.qblox import vendor
from qpu_drivers.qblox.driver import QbloxDriver
from qpu_drivers.qblox.rack import DUMMY, ModuleKind, Rack

OPTIONS = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]
ADDRESS = OPTIONS | {"instrument": "10.0.0.7"}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return plugins.open_snapshot("five", "lab_five")


@pytest.fixture
def stand_in(assembler: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[Any]]:
    """What answers at the address: a dummy with these modules and this firmware."""

    def put(firmware: str = "2.1.0", **modules: str) -> list[Any]:
        opened: list[Any] = []
        connect = vendor.connect

        def other(rack: Rack, name: str) -> Any:
            there = rack.modules | {int(slot.removeprefix("slot")): ModuleKind(kind) for slot, kind in modules.items()}
            opened.append(connect(rack.model_copy(update={"instrument": DUMMY, "modules": there}), name))
            return opened[-1]

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(vendor, "gettempdir", lambda: str(tmp_path))
        monkeypatch.setattr(vendor, "connect", other)
        monkeypatch.setattr(vendor, "firmware", lambda cluster: firmware)
        return opened

    return put


def test_a_cluster_is_measured_and_not_told_its_answers(stand_in: Callable[..., list[Any]], snapshot: Snapshot) -> None:
    stand_in()
    driver = QbloxDriver("lab_five", snapshot, ADDRESS)
    try:
        assert not driver.capabilities().simulated
        assert driver.capabilities().source == "Qblox cluster 00000_000_000"
        build = Builder(snapshot.clock)
        frame = build.frame("a0", build.port("a", snapshot.port("a").kind), 7.02e9)
        build.capture(frame, build.column(Column("c", output=Output.IQ)), 400)
        schedule = build.build()
        driver.load(schedule)
        started = time.monotonic()
        # the dummy that stands in was told nothing and acquires nothing: that must not be taken for a measurement
        with pytest.raises(DriverFault, match="got 0 in the first of 20 wrong bins of 20"):
            list(driver.run(Run(schedule.digest, Table.single(), 20, rep_delay_s=2e-3)))
        # the program lasts 40 ms, and nobody asks before
        assert time.monotonic() - started > 0.04
    finally:
        driver.close()


def test_a_cluster_with_other_modules_is_refused_and_let_go(stand_in: Callable[..., list[Any]], snapshot: Snapshot) -> None:
    opened = stand_in(slot4="QCM")
    with pytest.raises(SettingsError, match="slot 4 must hold a QCM-RF and holds QCM"):
        QbloxDriver("lab_five", snapshot, ADDRESS)
    assert not hasattr(opened[0], "_transport") or opened[0]._transport.loop.is_closed()


def test_a_cluster_with_old_firmware_is_refused(stand_in: Callable[..., list[Any]], snapshot: Snapshot) -> None:
    stand_in(firmware="0.12.1")
    with pytest.raises(SettingsError, match=r"firmware must be from 0\.13 to below 3\.0 and is 0\.12\.1"):
        QbloxDriver("lab_five", snapshot, ADDRESS)


def test_a_cluster_has_one_driver(stand_in: Callable[..., list[Any]], snapshot: Snapshot) -> None:
    """The second would reset what the first has set, and the first would not know."""
    opened = stand_in()
    first = QbloxDriver("lab_five", snapshot, ADDRESS)
    try:
        with pytest.raises(DriverFault, match=r"must have one driver.*another one on this computer.*cluster 00000_000_000"):
            QbloxDriver("lab_six", snapshot, ADDRESS)
        assert len(opened) == 2
    finally:
        first.close()
    QbloxDriver("lab_six", snapshot, ADDRESS).close()
