"""Monitors: when they look, when they give way, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from qpu_bridge.errors import DriverFault
from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import Snapshot
from qpu_bridge.target.properties import properties
from qpu_bridge.target.versions import Versions
from qpu_calibration import catalog
from qpu_calibration.edit import with_frequency
from qpu_calibration.graph import Graph
from qpu_calibration.keeper import BEGUN, Keeper
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_calibration.routine import Routine
from qpu_calibration.routines.ramsey import Ramsey
from qpu_calibration.routines.t1 import T1
from qpu_emulator import five
from qpu_emulator.chip.drift import at
from qpu_emulator.chip.wander import Defect
from tests.calibration.late import Late


@dataclass
class Gap:
    """A pause; `until` says after how many questions a job comes."""

    until: int = 10**9
    patience: int = 10**9
    asked: int = 0

    def free(self) -> bool:
        return True

    def wanted(self) -> bool:
        self.asked += 1
        return self.asked > self.until

    def over(self) -> bool:
        self.patience -= 1
        return self.patience < 0


class _Alone(Ramsey):
    """Needs nothing else."""

    depends_on = ()


class _Life(T1):
    """Needs nothing else."""

    depends_on = ()


class _Straying(_Alone):
    """Is somewhere else at each look."""

    essential = False

    def deviation(self, snapshot: Snapshot, fit: object) -> float:
        return 2.0

    def deviation_error(self, snapshot: Snapshot, fit: object) -> float:
        return 0.1


class _Failing(_Alone):
    def fit_one(self, data: object) -> object:  # type: ignore[override]
        raise DriverFault("the digitizer must not overflow")


class _Life(T1):
    """Needs nothing else."""

    depends_on = ()


def only(routine: type[Routine[Any]] = _Alone) -> Callable[[Snapshot], Graph]:
    return lambda snapshot: Graph({routine.name: routine()}, range(len(snapshot.qubits)), ())


@dataclass
class Lab:
    late: Late
    folder: Path
    seed: int
    now: datetime = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    notes: list[str] = field(default_factory=list)
    snapshot: Snapshot = field(default_factory=five.snapshot)

    def keeper(self, least: int = 1, graph: Callable[[Snapshot], Graph] | None = None) -> Keeper:
        clock = lambda: self.now  # noqa: E731
        return Keeper(self.folder, 1.0, least, self.notes.append, clock=clock, graph=graph or only(), seed=self.seed)

    def execution(self) -> Execution:
        return Execution(self.late, self.late.capabilities())

    def go(self, hours: float) -> None:
        """Time passes, on both clocks."""
        self.now += timedelta(hours=hours)
        self.late.hours += hours

    @property
    def versions(self) -> Versions:
        return Versions(self.folder)


@pytest.fixture
def lab(tmp_path: Path, seed: int) -> Iterator[Lab]:
    driver = open_driver("emulator", "emu_five", five.snapshot(), {})
    yield Lab(Late(driver), tmp_path / "emu_five", seed)
    driver.close()


def heard(lab: Lab, keeper: Keeper) -> Keeper:
    keeper.hear(int(lab.late.hours * 3.6e12))
    return keeper


def test_it_is_due_by_the_clock_of_the_device_and_not_before(lab: Lab) -> None:
    keeper = lab.keeper()
    assert not keeper.due()
    heard(lab, keeper)
    lab.now += timedelta(minutes=59)
    assert not keeper.due()
    # a busy device has played for an hour in a minute of this machine
    keeper.hear(int(3.6e12))
    assert keeper.due()


def test_a_silent_device_is_asked_what_time_it_is(lab: Lab) -> None:
    keeper = heard(lab, lab.keeper())
    lab.now += timedelta(hours=2)
    assert keeper.due()
    before = lab.late.shots
    assert keeper.keep(lab.execution(), lab.snapshot, Gap()) is None
    # its own clock has hardly moved: nothing can have drifted
    assert lab.late.shots == before + 1
    assert not keeper.due()
    lab.go(1.0)
    assert keeper.due()
    assert keeper.keep(lab.execution(), lab.snapshot, Gap()) == ""
    assert keeper.shots > 0


def test_a_bridge_that_starts_often_still_looks_every_hour(lab: Lab) -> None:
    heard(lab, lab.keeper())
    for _ in range(3):
        lab.now += timedelta(minutes=25)
        keeper = heard(lab, lab.keeper())
    assert keeper.due()
    (lab.folder / BEGUN).write_text("{")
    assert not lab.keeper().due()
    assert "cannot be read" in lab.notes[-1]


def test_it_repairs_what_is_off_and_leaves_the_rest(lab: Lab) -> None:
    moved = with_frequency(lab.snapshot, 3, lab.snapshot.qubits[3].frequency + 60e3)
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    assert keeper.keep(lab.execution(), moved, Gap()) == ""
    first = lab.versions.history()[0]
    assert (first.routine, first.targets, first.operator) == ("ramsey", ((3,),), "monitor")
    found = lab.versions.current()
    assert found is not None
    assert found.qubits[3].frequency == pytest.approx(lab.snapshot.qubits[3].frequency, abs=2e3)
    assert [q.frequency for q in found.qubits[:3]] == [q.frequency for q in moved.qubits[:3]]
    # soon after, its numbers are fresh: nobody has seen them drift
    shots = lab.late.shots
    lab.go(0.2)
    assert keeper.keep(lab.execution(), found, Gap()) is None
    assert lab.late.shots == shots + 1


def test_what_moves_fast_is_looked_at_sooner(lab: Lab) -> None:
    keeper = heard(lab, lab.keeper(graph=only(_Straying)))
    shots, rests = [], []
    for hours in (1.0, 0.25, 0.13, 0.1, 0.1):
        lab.go(hours)
        assert keeper.due()
        assert keeper.keep(lab.execution(), lab.snapshot, Gap()) == ""
        rests.append(round(keeper._rest_h, 2))
        shots.append(keeper.shots)
    # the first look does not know for how long nobody had looked; a round is never sooner than a tenth of an hour after another
    assert rests == pytest.approx([0.25, 0.13, 0.1, 0.1, 0.1], abs=0.02)
    assert all(after > before for before, after in pairwise(shots))
    lab.go(0.05)
    assert not keeper.due()
    # a bridge that starts again has its ledger
    again = heard(lab, lab.keeper(graph=only(_Straying)))
    assert not again.due()
    lab.go(0.06)
    heard(lab, again)
    assert again.due()


def test_a_device_that_was_switched_on_again_is_as_old_as_this_machine_says(lab: Lab) -> None:
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    assert keeper.keep(lab.execution(), lab.snapshot, Gap()) == ""
    known = Ledger(lab.folder / LEDGER)
    assert known.heard_ns is not None
    # the bridge too: its new keeper hears of the end of a long job first
    lab.now += timedelta(hours=3)
    keeper = lab.keeper()
    keeper.hear(known.heard_ns - 10**9)
    keeper.hear(known.heard_ns + 10**9)
    assert keeper.due()
    assert Ledger(lab.folder / LEDGER).starts == 1
    assert keeper.keep(lab.execution(), lab.snapshot, Gap()) == ""
    assert not keeper.due()


def test_it_gives_way_after_each_schedule_and_goes_on_later(lab: Lab) -> None:
    moved = with_frequency(lab.snapshot, 3, lab.snapshot.qubits[3].frequency + 60e3)
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    gaps = 0
    while (found := keeper.keep(lab.execution(), moved, Gap(until=1))) is None:
        gaps += 1
        assert keeper.due()
        # jobs have had their nine tenths
        lab.now += timedelta(minutes=1)
    # a look at each of two groups of neighbours apart, which mends one
    assert (found, gaps) == ("", 2)
    assert lab.versions.history()[0].targets == ((3,),)


def test_jobs_that_wait_get_nine_tenths_of_the_time(lab: Lab) -> None:
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    slow = iter(range(1, 1000))
    real = lab.now

    def clock() -> datetime:
        return real + timedelta(seconds=next(slow))

    keeper._clock = clock
    assert keeper.keep(lab.execution(), lab.snapshot, Gap(until=1)) is None
    shots = lab.late.shots
    assert keeper.keep(lab.execution(), lab.snapshot, Gap(until=0)) is None
    assert lab.late.shots == shots


def test_a_job_that_has_waited_long_enough_stops_it_and_nothing_half_is_kept(lab: Lab) -> None:
    moved = with_frequency(lab.snapshot, 3, lab.snapshot.qubits[3].frequency + 60e3)
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    for patience in range(0, 40, 4):
        assert keeper.keep(lab.execution(), moved, Gap(patience=patience)) in (None, "")
        current = lab.versions.current()
        assert current is not None
        assert current.calibration_id == lab.versions.history()[0].calibration_id
    assert any("stopped in the middle" in line for line in lab.notes)


def test_users_read_within_the_hour_that_defects_have_come_and_what_they_do(lab: Lab, tmp_path: Path) -> None:
    well = five.device()
    rates = {1: 0.9 / well.transmons[1].t1, 3: 20 / well.transmons[3].t1}
    transmons = [
        one.model_copy(update={"defects": (Defect(relaxation=rates[q], near_hours=1e3, away_hours=0.5),) if q in rates else ()})
        for q, one in enumerate(well.transmons)
    ]
    # of this seed, both come in the second hour
    truth = well.model_copy(update={"transmons": tuple(transmons), "seed": 4})
    truth.write(tmp_path / "truth.json")
    with closing(open_driver("emulator", "emu_five", lab.snapshot, {"truth": str(tmp_path / "truth.json")})) as driver:
        lab.late.driver = driver
        keeper = heard(lab, lab.keeper(graph=only(_Life)))
        told = []
        for _ in range(2):
            lab.go(1.0)
            assert keeper.due()
            assert keeper.keep(lab.execution(), lab.versions.current() or lab.snapshot, Gap()) == ""
            told.append(lab.versions.current() or lab.snapshot)
    before, after = told
    assert before == lab.snapshot
    for qubit, there in enumerate(at(truth, 2.0).transmons):
        assert there.t1 is not None
        assert after.qubits[qubit].t1 == pytest.approx(there.t1, rel=0.3)
        assert after.qubits[qubit].operational == (qubit != 3)

    def rows(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        document = properties(snapshot)
        found = {f"qubit {index}": one for index, one in enumerate(document["qubits"])}
        found |= {one["name"]: one["parameters"] for one in document["gates"]}
        return {name: {row["name"]: row["value"] for row in one} for name, one in found.items()}

    then, now = rows(before), rows(after)
    assert now["qubit 1"]["T2"] < then["qubit 1"]["T2"]
    assert now["qubit 3"]["operational"] == 0
    # what 0.9 / T1 more of relaxation does in the 36 ns of an sx, and in the 60 ns of a cz
    assert now["sx1"]["gate_error"] - then["sx1"]["gate_error"] == pytest.approx(36e-9 * rates[1] / 3, rel=0.5)
    assert now["cz1_2"]["gate_error"] - then["cz1_2"]["gate_error"] == pytest.approx(60e-9 * rates[1] * 2 / 5, rel=0.5)
    for name in ("qubit 0", "sx0", "qubit 4", "sx4", "rz1"):
        assert now[name] == then[name]


def test_somebody_else_calibrates_between_two_gaps(lab: Lab) -> None:
    moved = with_frequency(lab.snapshot, 3, lab.snapshot.qubits[3].frequency + 60e3)
    keeper = heard(lab, lab.keeper())
    lab.go(1.0)
    assert keeper.keep(lab.execution(), moved, Gap(until=1)) is None
    lab.versions.commit(lab.snapshot, routine="import", parent=moved.calibration_id, operator="ada")
    theirs = Ledger(lab.folder / LEDGER)
    theirs.events = 1000
    theirs.write()
    lab.now += timedelta(minutes=5)
    current = lab.versions.current()
    assert current is not None
    # begins anew, with the numbers in use
    assert keeper.keep(lab.execution(), current, Gap()) == ""
    assert lab.versions.history()[0].routine == "import"
    # and with what they noted, not with what it had noted itself
    assert Ledger(lab.folder / LEDGER).events > 1000


def test_a_device_without_enough_qubits_is_unfit_and_looked_at_sooner(lab: Lab) -> None:
    broken = with_frequency(lab.snapshot, 3, lab.snapshot.qubits[3].frequency + 40e6)
    keeper = heard(lab, lab.keeper(least=5))
    lab.go(1.0)
    assert keeper.keep(lab.execution(), broken, Gap()) == "4 of 5 qubits are operational, and 5 must be"
    flagged = lab.versions.current()
    assert flagged is not None
    assert [qubit.operational for qubit in flagged.qubits] == [True, True, True, False, True]
    assert not keeper.due()
    # no job moves its clock, but people mend it
    lab.now += timedelta(minutes=7)
    assert keeper.due()
    mended = with_frequency(flagged, 3, lab.snapshot.qubits[3].frequency)
    lab.versions.commit(mended, routine="import", parent=flagged.calibration_id)
    current = lab.versions.current()
    assert current is not None
    assert keeper.keep(lab.execution(), current, Gap()) == ""
    after = lab.versions.current()
    assert after is not None
    assert all(qubit.operational for qubit in after.qubits)


def test_what_fails_is_not_tried_again_at_once(lab: Lab) -> None:
    keeper = heard(lab, lab.keeper(graph=only(_Failing)))
    lab.go(1.0)
    with pytest.raises(DriverFault, match="digitizer"):
        keeper.keep(lab.execution(), lab.snapshot, Gap())
    assert not keeper.due()


def test_the_installed_routines_are_what_it_keeps() -> None:
    assert {"ramsey", "fine_amplitude", "readout"} <= set(catalog.names())
    assert {node.routine for node in Graph.of(five.snapshot()).nodes()} <= set(catalog.names())
