"""A device that is kept calibrated for a day: ``python -m tests.proofs.kept [SEED] [cz] [ecr] [typical] [far] [strong]``.

At hour 0 all routines are calibrated. Then the built-in device of a family ages. Whenever monitors say that they are due, they
have a gap; at random moments a user's jobs come (`user.User`), played with the numbers in use; beside them with those that the
hidden truth says would be right, and at times with those of hour 0, which nobody keeps. At the last of these moments all is
calibrated anew, to see what that would reach. A minute of processor time for a family, and two or three for each day.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.target import GateSpec, PulseSpec, Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration import catalog
from qpu_calibration import keeper as keeper_module
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import Action, Verdict, maintain
from qpu_calibration.edit import with_frequency
from qpu_calibration.graph import Graph
from qpu_calibration.keeper import OPERATOR, Keeper
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_emulator import five, five_ecr
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import at, typical
from qpu_emulator.chip.wander import Wander
from tests.calibration.late import Late
from tests.proofs.user import Errors, User

FAMILIES = {"cz": five, "ecr": five_ecr}

FAR = Wander(frequency=3750.0, amplitude=0.0075, hours=12.0)
"""2.5 times that of a good laboratory (`qpu_emulator.chip.drift.typical`)."""

STRONG = Wander(frequency=20e3, amplitude=0.02, hours=12.0)

MONTHLY = {"rb_simultaneous", "rb2_simultaneous"}
"""Routines that change no number and are looked at once a month: left out, so that they do not make dearer the full calibration
with which the monitors are compared."""

STEP_H = 0.05
"""How often somebody looks whether the monitors are due."""

JOBS = 12
"""Moments of a day at which a user's jobs come."""

BESIDE = 6
"""So many-th of them is played with the numbers of hour 0 as well."""


class Quiet:
    """A gap in which no job waits."""

    def free(self) -> bool:
        return True

    def wanted(self) -> bool:
        return False

    def over(self) -> bool:
        return False


@dataclass
class Day:
    """What came of it.

    Attributes:
        full: Shots of the calibration of everything at hour 0.
        kept: Hour -> shots of its monitors.
        repaired: Hour -> what was changed, routine and targets.
        entries: All that monitors did, with its hour.
        errors: Hour -> what the user finds with the numbers in use.
        control: Hour -> the same with the numbers of hour 0.
        best: Hour -> the same with the truth's numbers.
        anew: Hour -> the same with those of another full calibration.
        t1: Hour -> T1 that the user is told of each qubit, of the hidden one.
    """

    full: int = 0
    kept: dict[float, int] = field(default_factory=dict)
    repaired: dict[float, list[str]] = field(default_factory=dict)
    entries: list[tuple[float, Entry]] = field(default_factory=list)
    errors: dict[float, Errors] = field(default_factory=dict)
    control: dict[float, Errors] = field(default_factory=dict)
    best: dict[float, Errors] = field(default_factory=dict)
    anew: dict[float, Errors] = field(default_factory=dict)
    t1: dict[float, list[float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Shots of all monitors together, of a full calibration."""
        return sum(self.kept.values()) / self.full

    def ratios(self, found: dict[float, Errors], width: int, beside: dict[float, Errors] | None = None) -> NDArray[np.float64]:
        """Errors of qubits (width 1) or couplers (2), of those beside, or of fresh: ``float64[jobs, targets]``."""
        return np.array(
            [
                [
                    error / (beside or {hour: self.errors[0.0]})[hour][target]
                    for target, error in errors.items()
                    if len(target) == width
                ]
                for hour, errors in found.items()
                if hour > 0
            ]
        )


def restless(astray: Sequence[int], wander: Wander, seed: int, family: ModuleType = five) -> Device:
    """A built-in device with some qubits that wander; neither T1 changes nor do defects come, which nobody could repair."""
    device: Device = family.device()
    moved = {
        "transmons": tuple(
            transmon.model_copy(update={"wander": wander if index in astray else None, "defects": ()})
            for index, transmon in enumerate(device.transmons)
        )
    }
    return device.model_copy(update=moved | {"seed": seed})


def right(first: Snapshot, truth: Device, hours: float) -> Snapshot:
    """The numbers of hour 0, moved as the truth has moved since: carriers, and all that drive lines play."""
    weaker: dict[str, float] = {}
    for qubit, (then, now) in enumerate(zip(truth.transmons, at(truth, hours).transmons, strict=True)):
        weaker |= {port: rabi / now.rabi[port] for port, rabi in then.rabi.items()}
        first = with_frequency(first, qubit, first.qubits[qubit].frequency + now.frequency - then.frequency)
    ports = {frame.name: frame.port for frame in first.frames}

    def moved(pulse: PulseSpec) -> PulseSpec:
        level = pulse.amplitude
        # the user plays no gate of any angle
        return (
            pulse.model_copy(update={"amplitude": level * weaker.get(ports[pulse.frame], 1.0)})
            if isinstance(level, float)
            else pulse
        )

    def adjusted(gate: GateSpec) -> GateSpec:
        return gate.model_copy(update={"pulses": tuple(moved(pulse) for pulse in gate.pulses)})

    return first.model_copy(update={"gates": tuple(adjusted(gate) for gate in first.gates)})


def routines(snapshot: Snapshot) -> Graph:
    """All that are installed, but for those of a month."""
    return Graph.of(snapshot, [name for name in catalog.names() if name not in MONTHLY])


@contextmanager
def switched_on(device: Device, family: ModuleType, before_ns: int = 0) -> Iterator[Late]:
    """The device in a driver whose time the proof moves on; its clock says ``before_ns`` at first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        device.write(path)
        driver = open_driver("emulator", device.name, family.snapshot(), {"truth": str(path)})
    try:
        yield Late(driver, before_ns=before_ns)
    finally:
        driver.close()


@dataclass
class Fresh:
    """A device that is fully calibrated, at hour 0: nothing has wandered yet.

    Attributes:
        folder: Of its calibration.
        seed: Of the shots, and of the user's circuits.
        graph: Of the routines.
        user: Who plays jobs.
        family: Which of the built-in devices.
        shots: That the calibration took.
        errors: What the user finds then.
        device_ns: What the device's clock says then.
    """

    folder: Path
    seed: int
    graph: Callable[[Snapshot], Graph] = routines
    user: User = field(default_factory=User)
    family: ModuleType = five
    shots: int = 0
    errors: Errors = field(default_factory=dict)
    device_ns: int = 0

    def __post_init__(self) -> None:
        with switched_on(self.family.device().model_copy(update={"seed": self.seed}), self.family) as late:
            bench = calibrated(late, self.family.snapshot(), self.graph, self.seed, self.folder)
            self.shots = late.shots
            self.errors = self.user.errors(late, bench.snapshot, self.seed)
            assert bench.execution.device_ns is not None
            self.device_ns = bench.execution.device_ns


def calibrated(late: Late, snapshot: Snapshot, graph: Callable[[Snapshot], Graph], seed: int, folder: Path) -> Bench:
    """Calibrate everything, whatever is known, and keep it in a folder."""
    bench = Bench(Execution(late, late.capabilities()), snapshot, Versions(folder), seed=seed, figures=False)
    made, ledger = graph(bench.snapshot), Ledger(folder / LEDGER)
    for _ in conduct(bench, made, ledger, maintain(made, ledger, made.nodes())):
        pass
    return bench


def lived(truth: Device, fresh: Fresh, gaps: Sequence[float], jobs: Sequence[float], again: bool = False) -> Day:
    """A day.

    Args:
        truth: The device; its seed is that of the fresh one.
        fresh: How it begins; that stays as it is.
        gaps: Hours at which monitors may use a gap, if they are due.
        jobs: After which of them a user's jobs come.
        again: Whether to calibrate everything anew after the last, to see what that reaches.
    """
    user, seed = fresh.user, fresh.seed
    day = Day(fresh.shots)
    day.errors[0.0] = fresh.errors
    now = datetime.now(UTC)

    with tempfile.TemporaryDirectory() as room, switched_on(truth, fresh.family, fresh.device_ns) as late:
        folder = Path(shutil.copytree(fresh.folder, room, dirs_exist_ok=True))
        versions = Versions(folder)
        first = _current(versions)
        clock = lambda: now + timedelta(hours=late.hours)  # noqa: E731
        keeper = Keeper(folder, 1.0, 1, lambda line: None, clock=clock, graph=fresh.graph, seed=seed + 1)
        keeper.hear(fresh.device_ns)
        for hour in gaps:
            late.hours = hour
            if keeper.due():
                before, history = late.shots, len(versions.history())
                with told(lambda entry, hour=hour: day.entries.append((hour, entry))):
                    keeper.keep(Execution(late, late.capabilities()), _current(versions), Quiet())
                day.kept[hour] = late.shots - before
                made = versions.history()[: len(versions.history()) - history]
                assert all(known.operator == OPERATOR for known in made)
                day.repaired[hour] = [f"{known.routine} {known.targets}" for known in reversed(made)]
            if hour in jobs:
                current = _current(versions)
                day.errors[hour] = user.errors(late, current, seed)
                day.best[hour] = user.errors(late, right(first, truth, hour), seed)
                hidden = at(truth, hour).transmons
                day.t1[hour] = [q.t1 / there.t1 for q, there in zip(current.qubits, hidden, strict=True) if there.t1]
                if jobs.index(hour) % BESIDE == BESIDE - 1:
                    day.control[hour] = user.errors(late, first, seed)
                if again and hour == jobs[-1]:
                    day.anew[hour] = _anew(truth, fresh, first, hour)
    return day


def _anew(truth: Device, fresh: Fresh, first: Snapshot, hour: float) -> Errors:
    """What a user finds after another full calibration, on a driver of its own: its time is none of the day's."""
    with tempfile.TemporaryDirectory() as folder, switched_on(truth, fresh.family) as late:
        late.hours = hour
        made = calibrated(late, first, fresh.graph, fresh.seed + 2, Path(folder)).snapshot
        return fresh.user.errors(late, made, fresh.seed)


@contextmanager
def told(tell: Callable[[Entry], None]) -> Iterator[None]:
    """While inside, hear of all that monitors do."""
    real = conduct

    def heard(*args: Any) -> Iterator[Entry]:
        for entry in real(*args):
            tell(entry)
            yield entry

    vars(keeper_module)["conduct"] = heard
    try:
        yield
    finally:
        vars(keeper_module)["conduct"] = real


def _current(versions: Versions) -> Snapshot:
    found = versions.current()
    assert found is not None
    return found


DRIFTS: dict[str, Callable[[int, ModuleType], Device]] = {
    "typical": lambda seed, family: typical(family.device().model_copy(update={"seed": seed})),
    "far": lambda seed, family: restless((1, 4), FAR, seed, family),
    "strong": lambda seed, family: restless((1, 4), STRONG, seed, family),
}
"""Name -> device of a seed and family. ``typical`` is what a device without a wander of its own is given where it ages: all
qubits, T1 too, and a defect each."""


def main(seed: int, families: Sequence[str], drifts: Sequence[str]) -> None:
    """The long form."""
    gaps = [round(STEP_H * step, 2) for step in range(1, round(24 / STEP_H) + 1)]
    jobs = sorted(np.random.default_rng(seed).choice(gaps, JOBS, replace=False).tolist())
    for family in families:
        with tempfile.TemporaryDirectory() as room:
            began = time.process_time()
            fresh = Fresh(Path(room), seed, family=FAMILIES[family])
            print(
                f"{family}, seed {seed}: {fresh.shots} shots for all, {time.process_time() - began:.0f} s of processor time",
                flush=True,
            )
            for drift in drifts:
                began = time.process_time()
                day = lived(DRIFTS[drift](seed, FAMILIES[family]), fresh, gaps, jobs, again=True)
                print(f"{drift}, {time.process_time() - began:.0f} s of processor time")
                _print(day)
                print(json.dumps({"family": family, "seed": seed, "drift": drift} | _outcome(day), indent=1), flush=True)


def _print(day: Day) -> None:
    fresh = day.errors[0.0]
    print("           " + " ".join("-".join(map(str, target)).rjust(4) for target in fresh))
    for hour in sorted({*day.errors, *(hour for hour, shots in day.kept.items() if shots > 1)}):
        print(f"{hour:5.2f} h {day.kept.get(hour, 0):7d} shots  {'; '.join(day.repaired.get(hour, []))}")
        for name, found in (("kept", day.errors), ("hour 0", day.control), ("right", day.best), ("anew", day.anew)):
            if hour in found:
                print(f"{name:>10} " + " ".join(f"{error / fresh[target]:.2f}" for target, error in found[hour].items()))
    _print_routines(day)


def _outcome(day: Day) -> dict[str, Any]:
    told = np.array(list(day.t1.values()))
    return {
        "full_shots": day.full,
        "monitor_shots": sum(day.kept.values()),
        "share": round(day.share, 3),
        "rounds": sum(shots > 1 for shots in day.kept.values()),
        "qubits": _compared(day, 1),
        "couplers": _compared(day, 2),
        "told_t1_of_hidden": [round(float(one), 2) for one in (told.min(), np.median(told), told.max())],
        "repaired": sorted({name for names in day.repaired.values() for name in names}),
    }


def _compared(day: Day, width: int) -> dict[str, Any]:
    kept = day.ratios(day.errors, width)
    of_right = day.ratios({hour: day.errors[hour] for hour in day.best}, width, day.best)
    return {
        "fresh": [float(f"{error:.3g}") for target, error in day.errors[0.0].items() if len(target) == width],
        "worst_kept": round(float(kept.max()), 3),
        "mean_kept": round(float(kept.mean()), 3),
        "kept_above_1.2": f"{int((kept > 1.2).sum())} of {kept.size}",
        "worst_unkept": round(float(day.ratios(day.control, width).max()), 2),
        "worst_right": round(float(day.ratios(day.best, width).max()), 3),
        "worst_kept_of_right": round(float(of_right.max()), 3),
        "kept_of_right_above_1.2": f"{int((of_right > 1.2).sum())} of {of_right.size}",
        "worst_kept_of_anew": round(float(day.ratios({hour: day.errors[hour] for hour in day.anew}, width, day.anew).max()), 3),
    }


def _print_routines(day: Day) -> None:
    """How often each routine looked and repaired, and with how many shots."""
    table: dict[str, dict[str, int]] = {}
    for _, entry in day.entries:
        row = table.setdefault(entry.routine, dict.fromkeys(("looks", "off", "bad", "mended", "calibrated", "shots"), 0))
        found = [one.verdict for one in entry.findings.values()]
        row["looks" if entry.action is Action.LOOK else "calibrated"] += len(found)
        if entry.action is Action.LOOK:
            for verdict in (Verdict.OFF, Verdict.BAD, Verdict.MENDED):
                row[verdict] += found.count(verdict)
        row["shots"] += entry.shots
    for name, row in sorted(table.items(), key=lambda item: -item[1]["shots"]):
        print(f"{name:22s}", "  ".join(f"{key} {value:6d}" for key, value in row.items()))


if __name__ == "__main__":
    words = sys.argv[1:]
    number = int(words.pop(0)) if words and words[0].isdigit() else 1
    if unknown := set(words) - {*FAMILIES, *DRIFTS}:
        sys.exit(f"words are {', '.join([*FAMILIES, *DRIFTS])}; got {', '.join(sorted(unknown))}")
    main(
        number,
        [word for word in FAMILIES if word in words] or list(FAMILIES),
        [word for word in DRIFTS if word in words] or list(DRIFTS),
    )
