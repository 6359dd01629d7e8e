"""A device that is kept calibrated for a day: ``python -m tests.proofs.kept [SEED [FACTOR]]``, five minutes.

Of the built-in device some qubits wander in frequency and in what a pulse does, the others stand still. At hour 0 all routines
are calibrated. Then time passes; every hour the monitors have a gap, and now and then a user's job follows: random Cliffords on
each qubit, played with the numbers in use, and beside it, as a control that nobody keeps, with those of hour 0.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

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
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import conduct
from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph
from qpu_calibration.keeper import OPERATOR, Keeper
from qpu_calibration.ledger import LEDGER, Ledger
from qpu_emulator import five
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.wander import Wander
from tests.calibration.late import Late

GOOD = Wander(frequency=1500.0, amplitude=0.003, hours=12.0)
"""That of a good laboratory (`qpu_emulator.chip.drift.typical`)."""


def restless(factor: float) -> Wander:
    """So many times as much."""
    return GOOD.model_copy(update={"frequency": factor * GOOD.frequency, "amplitude": factor * GOOD.amplitude})


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
        repaired: Hour -> what was changed, routine and qubits.
        errors: Hour -> error per Clifford of each qubit, with the numbers in use.
        control: Hour -> the same with the numbers of hour 0.
    """

    full: int = 0
    kept: dict[float, int] = field(default_factory=dict)
    repaired: dict[float, list[str]] = field(default_factory=dict)
    errors: dict[float, list[float]] = field(default_factory=dict)
    control: dict[float, list[float]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Shots of all monitors together, of a full calibration."""
        return sum(self.kept.values()) / self.full

    def worst(self, errors: dict[float, list[float]], fresh: Sequence[float]) -> float:
        """The largest error of any qubit at any hour, of what it is fresh."""
        return max(float(np.max(np.array(found) / np.array(fresh))) for found in errors.values())


def truth(astray: Sequence[int], factor: float, seed: int) -> Device:
    """The built-in device with some qubits that wander; neither T1 changes nor do defects come, which nobody could repair."""
    device = five.device()
    moved = {
        "transmons": tuple(
            transmon.model_copy(update={"wander": restless(factor) if index in astray else None, "defects": ()})
            for index, transmon in enumerate(device.transmons)
        )
    }
    return device.model_copy(update=moved | {"seed": seed})


@contextmanager
def switched_on(device: Device) -> Iterator[Late]:
    """The device in a driver whose time the proof moves on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.json"
        device.write(path)
        driver = open_driver("emulator", "emu_five", five.snapshot(), {"truth": str(path)})
    try:
        yield Late(driver)
    finally:
        driver.close()


def lived(
    astray: Sequence[int],
    factor: float,
    hours: Sequence[float],
    seed: int,
    *,
    graph: Callable[[Snapshot], Graph] = Graph.of,
    user: User | None = None,
    every: int = 1,
) -> Day:
    """A day.

    Args:
        astray: Qubits that wander.
        factor: How many times as much as a good laboratory's.
        hours: When the monitors have a gap.
        seed: Of the device, of its shots, of the user's circuits.
        graph: Of the routines.
        user: Who plays jobs in between.
        every: After every which gap.
    """
    user = user or User()
    day = Day()
    now = datetime(2026, 11, 21, tzinfo=UTC)

    with tempfile.TemporaryDirectory() as room, switched_on(truth(astray, factor, seed)) as late:
        folder = Path(room)
        versions = Versions(folder)
        execution = Execution(late, late.capabilities())
        bench = Bench(execution, five.snapshot(), versions, seed=seed, figures=False)
        whole, ledger = graph(bench.snapshot), Ledger(folder / LEDGER)
        for _ in conduct(bench, whole, ledger, maintain(whole, ledger, whole.nodes())):
            pass
        day.full = late.shots
        first = bench.snapshot
        keeper = Keeper(
            folder, 1.0, 1, lambda line: None, clock=lambda: now + timedelta(hours=late.hours), graph=graph, seed=seed + 1
        )
        assert execution.device_ns is not None
        keeper.hear(execution.device_ns)
        day.errors[0.0] = day.control[0.0] = user.errors(late, first, seed)
        for number, hour in enumerate(hours, 1):
            late.hours = hour
            before, history = late.shots, len(versions.history())
            assert keeper.due()
            keeper.keep(Execution(late, late.capabilities()), _current(versions), Quiet())
            day.kept[hour] = late.shots - before
            made = versions.history()[: len(versions.history()) - history]
            assert all(known.operator == OPERATOR for known in made)
            day.repaired[hour] = [f"{known.routine} {[target[0] for target in known.targets]}" for known in reversed(made)]
            if number % every == 0:
                day.errors[hour] = user.errors(late, _current(versions), seed)
                day.control[hour] = user.errors(late, first, seed)
    return day


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


def main(seed: int, factor: float) -> None:
    """The long form."""
    began = time.monotonic()
    day = lived((1, 4), factor, [float(hour) for hour in range(1, 25)], seed, every=4)
    fresh = day.errors[0.0]
    for hour in day.kept:
        ratios = [f"{a / b:.2f}" for a, b in zip(day.errors.get(hour, []), fresh, strict=False)]
        control = [f"{a / b:.2f}" for a, b in zip(day.control.get(hour, []), fresh, strict=False)]
        print(f"{hour:4.0f} h  {day.kept[hour]:8d} shots  {', '.join(ratios)}  unkept {', '.join(control)}  {day.repaired[hour]}")
    outcome = {
        "seed": seed,
        "factor": factor,
        "full_shots": day.full,
        "monitor_shots": sum(day.kept.values()),
        "share": round(day.share, 3),
        "fresh_error_per_clifford": [float(f"{one:.3g}") for one in fresh],
        "worst_kept": round(day.worst(day.errors, fresh), 3),
        "worst_unkept": round(day.worst(day.control, fresh), 2),
        "wall_s": round(time.monotonic() - began, 1),
    }
    print(json.dumps(outcome, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, float(sys.argv[2]) if len(sys.argv) > 2 else 2.5)
