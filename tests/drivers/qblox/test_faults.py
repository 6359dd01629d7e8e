"""What a cluster that fails or goes away leaves behind: silence, the first fault told, and a driver that comes back."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge import plugins
from qpu_bridge.driver import Chunk, Run, State
from qpu_bridge.errors import DriverFault
from qpu_bridge.schedule import Builder, Column, Output, Table
from qpu_bridge.schedule.shapes import constant
from qpu_drivers.qblox.driver import QbloxDriver

OPTIONS = tomllib.loads((Path(__file__).parent / "lab.toml").read_text())["devices"]["lab_five"]["options"]


class Lines:
    """Between the driver and the modules of a dummy: what modules were told, and which of them refuse."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, list[str]]] = []
        self.failing: dict[str, Exception] = {}

    def put(self, driver: QbloxDriver, patch: pytest.MonkeyPatch) -> None:
        for slot, module in driver._instrument.cluster._transport._modules.items():
            if module is not None:
                patch.setattr(module, "_execute_cmd", self.between(str(slot), module._execute_cmd))

    def between(self, slot: str, real: Any) -> Any:
        def execute(parts: list[str], params: list[Any], args: list[Any], data: Any = None) -> None:
            if slot in self.failing:
                raise self.failing[slot]
            self.told.append((slot, ":".join(parts).upper(), [str(one) for one in args]))
            real(parts, params, args, data)

        return execute

    def slots_told(self, command: str, *arguments: str) -> set[str]:
        return {slot for slot, said, given in self.told if said.endswith(command) and given == [*arguments]}


@pytest.fixture
def driver(assembler: Path) -> Iterator[QbloxDriver]:
    made = QbloxDriver("lab_five", plugins.open_snapshot("five", "lab_five"), OPTIONS)
    yield made
    made.close()


@pytest.fixture
def lines(driver: QbloxDriver, monkeypatch: pytest.MonkeyPatch) -> Lines:
    made = Lines()
    made.put(driver, monkeypatch)
    return made


def play(driver: QbloxDriver) -> list[Chunk]:
    snapshot = plugins.open_snapshot("five", "lab_five")
    build = Builder(snapshot.clock)
    frame = build.frame("q0", build.port("d0", snapshot.port("d0").kind), 5.021e9)
    build.play(frame, constant(100), 0.3)
    schedule = build.build()
    driver.load(schedule)
    return list(driver.run(Run(schedule.digest, Table.single(), 10)))


def test_a_module_that_refuses_keeps_no_other_one_on(driver: QbloxDriver, lines: Lines) -> None:
    lines.failing["2"] = RuntimeError("-200 execution error")
    with pytest.raises(DriverFault, match="-200 execution error"):
        driver.close()
    assert lines.slots_told("SEQUENCER#:STOP") == {"4", "6", "8", "10"}
    assert lines.slots_told("LO#:ENABLE", "0") == {"4", "6", "10"}


def test_a_cluster_that_is_gone_is_asked_once(driver: QbloxDriver, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor waits a minute for each answer."""
    lines.failing = {slot: TimeoutError("timed out") for slot in ("2", "4", "6", "8", "10")}
    asked: list[object] = []
    of = driver._instrument._sequencer

    def noted(place: Any) -> Any:
        asked.append(place)
        return of(place)

    monkeypatch.setattr(driver._instrument, "_sequencer", noted)
    with pytest.raises(DriverFault, match="timed out"):
        driver.close()
    assert len(asked) == 1


def test_what_went_wrong_first_is_told(driver: QbloxDriver, lines: Lines) -> None:
    lines.failing["2"] = RuntimeError("-200 execution error")
    with pytest.raises(DriverFault, match=r"must take what.*-200 execution error.*slot 2 sequencer \d"):
        play(driver)
    assert driver.status().state is State.FAULTED
    assert "slot 2 sequencer" in driver.status().message


def test_a_cluster_that_was_away_is_opened_again(driver: QbloxDriver, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    before = driver._instrument
    lines.failing = {slot: ConnectionResetError("reset by peer") for slot in ("2", "8")}
    with pytest.raises(DriverFault, match="reset by peer"):
        play(driver)
    # a connection does not come back: what is asked there is answered by nothing
    monkeypatch.setattr("qpu_drivers.qblox.instrument.source", lambda cluster, rack: "" if cluster is before.cluster else "it")
    assert len(play(driver)) == 1
    assert driver._instrument is not before
    assert driver.status().state is State.IDLE


def test_a_fault_of_a_program_does_not_reset_the_cluster(driver: QbloxDriver, lines: Lines) -> None:
    before = driver._instrument
    lines.failing["2"] = RuntimeError("-200 execution error")
    with pytest.raises(DriverFault):
        play(driver)
    lines.failing.clear()
    assert len(play(driver)) == 1
    assert driver._instrument is before


def test_a_cluster_that_acquires_nothing_measures_no_zeros(driver: QbloxDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when something else has reset it: its sequencers start, and stop at once."""
    monkeypatch.setattr("qpu_drivers.qblox.instrument.tell_dummy", lambda cluster, program: None)
    snapshot = plugins.open_snapshot("five", "lab_five")
    build = Builder(snapshot.clock)
    frame = build.frame("a0", build.port("a", snapshot.port("a").kind), 7.02e9)
    build.capture(frame, build.column(Column("c", output=Output.IQ)), 400)
    schedule = build.build()
    driver.load(schedule)
    with pytest.raises(DriverFault, match="got 0 in the first of 7 wrong bins of 7"):
        list(driver.run(Run(schedule.digest, Table.single(), 7)))
