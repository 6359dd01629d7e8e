"""A device that is kept calibrated for a day: ``python -m tests.proofs.kept [SEED [typical] [far] [strong]]``, five minutes.

At hour 0 all routines are calibrated. Then the built-in device ages. Whenever monitors say that they are due, they have a gap;
at random moments a user's job comes: random Cliffords on each qubit, played with the numbers in use; beside it with those that
the hidden truth says would be right, and at times with those of hour 0, which nobody keeps.
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
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import Clifford, random_clifford
from qiskit.synthesis import OneQubitEulerDecomposer
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.execution import Execution
from qpu_bridge.plugins import open_driver
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.target import Snapshot
from qpu_bridge.target.versions import Versions
from qpu_calibration import keeper as keeper_module
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import Action, Verdict, maintain
from qpu_calibration.edit import amplitude, with_amplitude, with_frequency
from qpu_calibration.graph import Graph
from qpu_calibration.keeper import OPERATOR, Keeper
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_emulator import five
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.drift import at, typical
from qpu_emulator.chip.wander import Wander
from tests.calibration.late import Late

FAR = Wander(frequency=3750.0, amplitude=0.0075, hours=12.0)
"""2.5 times that of a good laboratory (`qpu_emulator.chip.drift.typical`)."""

STRONG = Wander(frequency=20e3, amplitude=0.02, hours=12.0)

STEP_H = 0.05
"""How often somebody looks whether the monitors are due."""

JOBS = 12
"""A user's jobs in a day."""

BESIDE = 6
"""So many-th of them is played with the numbers of hour 0 as well."""

EULER = OneQubitEulerDecomposer("ZSXX")


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
        errors: Hour -> error per Clifford of each qubit, with the numbers in use.
        control: Hour -> the same with the numbers of hour 0.
        best: Hour -> the same with the truth's numbers.
    """

    full: int = 0
    kept: dict[float, int] = field(default_factory=dict)
    repaired: dict[float, list[str]] = field(default_factory=dict)
    entries: list[tuple[float, Entry]] = field(default_factory=list)
    errors: dict[float, list[float]] = field(default_factory=dict)
    control: dict[float, list[float]] = field(default_factory=dict)
    best: dict[float, list[float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Shots of all monitors together, of a full calibration."""
        return sum(self.kept.values()) / self.full

    def ratios(self, errors: dict[float, list[float]]) -> NDArray[np.float64]:
        """Error of each job's qubits, of what it is fresh: ``float64[jobs, qubits]``."""
        fresh = np.array(self.errors[0.0])
        return np.array([np.array(found) / fresh for hour, found in errors.items() if hour > 0])


def restless(astray: Sequence[int], wander: Wander, seed: int) -> Device:
    """The built-in device with some qubits that wander; neither T1 changes nor do defects come, which nobody could repair."""
    device = five.device()
    moved = {
        "transmons": tuple(
            transmon.model_copy(update={"wander": wander if index in astray else None, "defects": ()})
            for index, transmon in enumerate(device.transmons)
        )
    }
    return device.model_copy(update=moved | {"seed": seed})


def right(first: Snapshot, truth: Device, hours: float) -> Snapshot:
    """The numbers of hour 0, moved as the truth has moved since."""
    later = at(truth, hours)
    for qubit, (then, now) in enumerate(zip(truth.transmons, later.transmons, strict=True)):
        weaker = then.rabi[f"d{qubit}"] / now.rabi[f"d{qubit}"]
        first = with_frequency(first, qubit, first.qubits[qubit].frequency + now.frequency - then.frequency)
        for name in ("x", "sx"):
            first = with_amplitude(first, qubit, name, amplitude(first, qubit, name) * weaker)
    return first


@contextmanager
def switched_on(device: Device, before_ns: int = 0) -> Iterator[Late]:
    """The device in a driver whose time the proof moves on; its clock says ``before_ns`` at first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        device.write(path)
        driver = open_driver("emulator", "emu_five", five.snapshot(), {"truth": str(path)})
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
        shots: That the calibration took.
        errors: What the user finds then.
        device_ns: What the device's clock says then.
    """

    folder: Path
    seed: int
    graph: Callable[[Snapshot], Graph] = Graph.of
    user: User = field(default_factory=lambda: User())
    shots: int = 0
    errors: list[float] = field(default_factory=list)
    device_ns: int = 0

    def __post_init__(self) -> None:
        with switched_on(five.device().model_copy(update={"seed": self.seed})) as late:
            execution = Execution(late, late.capabilities())
            bench = Bench(execution, five.snapshot(), Versions(self.folder), seed=self.seed, figures=False)
            graph, ledger = self.graph(bench.snapshot), Ledger(self.folder / LEDGER)
            for _ in conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes())):
                pass
            self.shots = late.shots
            self.errors = self.user.errors(late, bench.snapshot, self.seed)
            assert execution.device_ns is not None
            self.device_ns = execution.device_ns


def lived(truth: Device, fresh: Fresh, gaps: Sequence[float], jobs: Sequence[float]) -> Day:
    """A day.

    Args:
        truth: The device; its seed is that of the fresh one.
        fresh: How it begins; that stays as it is.
        gaps: Hours at which monitors may use a gap, if they are due.
        jobs: After which of them a user's job comes.
    """
    user, seed = fresh.user, fresh.seed
    day = Day(fresh.shots)
    day.errors[0.0] = fresh.errors
    now = datetime.now(UTC)

    with tempfile.TemporaryDirectory() as room, switched_on(truth, fresh.device_ns) as late:
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
                day.errors[hour] = user.errors(late, _current(versions), seed)
                day.best[hour] = user.errors(late, right(first, truth, hour), seed)
                if jobs.index(hour) % BESIDE == BESIDE - 1:
                    day.control[hour] = user.errors(late, first, seed)
    return day


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


@dataclass
class User:
    """Plays random Cliffords and their inverse on each qubit; every second qubit at a time, as neighbours shift each other.

    Attributes:
        groups: Qubits side by side.
        length: Cliffords in a circuit.
        circuits: For each group.
        shots: Of each circuit.
    """

    groups: tuple[tuple[int, ...], ...] = ((0, 2, 4), (1, 3))
    length: int = 300
    circuits: int = 8
    shots: int = 4000

    def errors(self, late: Late, snapshot: Snapshot, seed: int) -> list[float]:
        """Error per Clifford of each qubit, in the order of the groups."""
        context = Context(DeviceView("emu_five", snapshot, late.capabilities()), Execution(late, late.capabilities()), seed=seed)
        found: list[float] = []
        played = late.shots
        for group in self.groups:
            program = QuantumProgram(shots=self.shots)
            for number in range(self.circuits):
                program.append_circuit_item(_cliffords(group, self.length, seed + number))
            results = execute(program, ExecuteOptions(), context)
            ground = np.mean([1.0 - result["c"].mean(axis=0) for result in results], axis=0)
            found += list(self._per_clifford(ground, [_assignment(snapshot, qubit) for qubit in group]))
        late.shots = played
        return found

    def _per_clifford(self, ground: NDArray[np.float64], readout: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        # ground = 1/2 + amplitude * decay**length once readout errors are undone
        wrong = np.array(readout)
        undone = (ground - wrong[:, 1]) / (1 - wrong.sum(axis=1))
        decay = np.clip(2 * undone - 1, 1e-3, 1.0) ** (1 / self.length)
        return np.asarray((1 - decay) / 2)


def _assignment(snapshot: Snapshot, qubit: int) -> tuple[float, float]:
    measure = snapshot.measure(qubit)
    return measure.prob_meas1_prep0, measure.prob_meas0_prep1


@cache
def _cliffords(qubits: tuple[int, ...], length: int, seed: int) -> QuantumCircuit:
    circuit = QuantumCircuit(5, len(qubits))
    for qubit in qubits:
        whole = Clifford(np.eye(2, dtype=bool))
        for step in range(length):
            drawn = random_clifford(1, seed=(seed * 1000 + qubit) * 1000 + step)
            circuit.compose(EULER(drawn.to_matrix()), [qubit], inplace=True)
            circuit.barrier(qubit)
            whole = whole.compose(drawn)
        circuit.compose(EULER(whole.adjoint().to_matrix()), [qubit], inplace=True)
        circuit.barrier(qubit)
    circuit.barrier()
    circuit.measure(list(qubits), range(len(qubits)))
    return circuit


def _current(versions: Versions) -> Snapshot:
    found = versions.current()
    assert found is not None
    return found


DRIFTS: dict[str, Callable[[int], Device]] = {
    "typical": lambda seed: typical(five.device().model_copy(update={"seed": seed})),
    "far": lambda seed: restless((1, 4), FAR, seed),
    "strong": lambda seed: restless((1, 4), STRONG, seed),
}
"""Name -> device of a seed. ``typical`` is what a device without a wander of its own is given where it ages: all qubits, T1 too,
and a defect each."""


def main(seed: int, drifts: Sequence[str]) -> None:
    """The long form."""
    gaps = [round(STEP_H * step, 2) for step in range(1, round(24 / STEP_H) + 1)]
    jobs = sorted(np.random.default_rng(seed).choice(gaps, JOBS, replace=False).tolist())
    with tempfile.TemporaryDirectory() as room:
        began = time.process_time()
        fresh = Fresh(Path(room), seed)
        print(f"seed {seed}: {fresh.shots} shots for all, {time.process_time() - began:.0f} s of processor time", flush=True)
        for drift in drifts:
            began = time.process_time()
            day = lived(DRIFTS[drift](seed), fresh, gaps, jobs)
            print(f"{drift}, {time.process_time() - began:.0f} s of processor time")
            _print(day)
            print(json.dumps({"seed": seed, "drift": drift} | _outcome(day), indent=1), flush=True)


def _print(day: Day) -> None:
    for hour in sorted({*day.errors, *(hour for hour, shots in day.kept.items() if shots > 1)}):
        ratios = [one.get(hour, []) for one in (day.errors, day.control, day.best)]
        words = [" ".join(f"{a / b:.2f}" for a, b in zip(one, day.errors[0.0], strict=True)) for one in ratios if one]
        print(f"{hour:5.2f} h {day.kept.get(hour, 0):7d} shots  {' | '.join(words)}  {'; '.join(day.repaired.get(hour, []))}")
    _print_routines(day)


def _outcome(day: Day) -> dict[str, Any]:
    kept = day.ratios(day.errors)
    best = np.array([np.array(day.errors[hour]) / np.array(found) for hour, found in day.best.items()])
    return {
        "full_shots": day.full,
        "monitor_shots": sum(day.kept.values()),
        "share": round(day.share, 3),
        "rounds": sum(shots > 1 for shots in day.kept.values()),
        "fresh_error_per_clifford": [float(f"{one:.3g}") for one in day.errors[0.0]],
        "worst_kept": round(float(kept.max()), 3),
        "mean_kept": round(float(kept.mean()), 3),
        "kept_above_1.2": f"{int((kept > 1.2).sum())} of {kept.size}",
        "worst_unkept": round(float(day.ratios(day.control).max()), 2),
        "worst_right": round(float(day.ratios(day.best).max()), 3),
        "worst_kept_of_right": round(float(best.max()), 3),
        "repaired": sorted({name for names in day.repaired.values() for name in names}),
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2:] or list(DRIFTS))
