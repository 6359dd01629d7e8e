"""A user who plays the same random circuits again and again, and sees how often they go wrong.

On each qubit random Cliffords and their inverse; on each coupler random Cliffords of both qubits and the entangling gate, in
turns, and the inverse of all. Neighbours play one after the other, as they shift each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Clifford, random_clifford
from qiskit.synthesis import OneQubitEulerDecomposer
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.execution import Execution
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, execute
from qpu_bridge.target import Snapshot
from qpu_calibration.graph import couplers
from qpu_calibration.groups import groups
from qpu_calibration.page import Target
from tests.calibration.late import Late

EULER = OneQubitEulerDecomposer("ZSXX")

Errors = dict[Target, float]
"""Qubit or coupler -> error per step."""


@dataclass(frozen=True)
class User:
    """Who plays jobs.

    Attributes:
        qubits: On which qubits; all, if None.
        pairs: Whether on couplers too.
        steps: What is between the Cliffords -> steps of a circuit, so that a fifth of the shots goes wrong.
        circuits: For each group of targets that play side by side.
        shots: Of each circuit.
    """

    qubits: tuple[int, ...] | None = None
    pairs: bool = True
    steps: dict[str, int] = field(default_factory=lambda: {"": 300, "cz": 150, "ecr": 40})
    circuits: int = 8
    shots: int = 4000

    def errors(self, late: Late, snapshot: Snapshot, seed: int) -> Errors:
        """Error per step of each target, readout errors undone as the snapshot tells them."""
        context = Context(
            DeviceView(snapshot.device, snapshot, late.capabilities()), Execution(late, late.capabilities()), seed=seed
        )
        chosen = [(qubit.index,) for qubit in snapshot.qubits if self.qubits is None or qubit.index in self.qubits]
        joined = couplers(snapshot)
        parts = groups(joined, chosen) + (groups(joined, joined) if self.pairs else [])
        found: Errors = {}
        played = late.shots
        for group in parts:
            between = entangler(snapshot, group[0])
            length = self.steps[between]
            program = QuantumProgram(shots=self.shots)
            for number in range(self.circuits):
                program.append_circuit_item(_circuit(tuple(group), between, length, len(snapshot.qubits), seed + number))
            results = execute(program, ExecuteOptions(), context)
            bits = np.concatenate([np.asarray(result["c"], int) for result in results])
            for place, target in enumerate(group):
                width = len(target)
                right = _ground(bits[:, place * width : (place + 1) * width], snapshot, target)
                floor = 0.5**width
                # right = floor + (1 - floor) * decay**length
                decay = max((right - floor) / (1 - floor), 1e-3) ** (1 / length)
                found[target] = (1 - floor) * (1 - decay)
        late.shots = played
        return found


def entangler(snapshot: Snapshot, target: Target) -> str:
    """The gate of a coupler; none of a qubit."""
    return next((name for name in ("cz", "ecr") if len(target) == 2 and snapshot.gate(name, *target) is not None), "")


def _ground(bits: NDArray[np.int_], snapshot: Snapshot, target: Target) -> float:
    """Share of shots in which all were 0, readout errors undone."""
    measures = [snapshot.measure(qubit) for qubit in target]
    wrong = [
        np.array([[1 - m.prob_meas1_prep0, m.prob_meas0_prep1], [m.prob_meas1_prep0, 1 - m.prob_meas0_prep1]]) for m in measures
    ]
    outcomes = bits @ (2 ** np.arange(len(target))[::-1])
    shares = np.bincount(outcomes, minlength=2 ** len(target)) / len(outcomes)
    return float(np.linalg.solve(reduce(np.kron, wrong), shares)[0])


@cache
def _circuit(group: tuple[Target, ...], between: str, length: int, width: int, seed: int) -> QuantumCircuit:
    qubits: Sequence[int] = [qubit for target in group for qubit in target]
    circuit = QuantumCircuit(width, len(qubits))
    for target in group:
        circuit.compose(_sequence(target, between, length, seed), target, inplace=True)
    circuit.barrier()
    circuit.measure(qubits, range(len(qubits)))
    return circuit


def _sequence(target: Target, between: str, length: int, seed: int) -> QuantumCircuit:
    """Random Cliffords of each qubit, the gate between, and the inverse of all, which ends in 0."""
    circuit, whole = QuantumCircuit(len(target)), Clifford(np.eye(2 ** len(target), dtype=complex))
    for step in range(length):
        for place, qubit in enumerate(target):
            drawn = random_clifford(1, seed=(seed * 1000 + qubit) * 1000 + step)
            circuit.compose(EULER(drawn.to_matrix()), [place], inplace=True)
            whole = whole.compose(drawn, [place])
        circuit.barrier()
        if between:
            getattr(circuit, between)(0, 1)
            circuit.barrier()
            whole = whole.compose(_gate(between))
    basis = ["rz", "sx", "x", *([between] if between else [])]
    back = transpile(
        whole.adjoint().to_circuit(), basis_gates=basis, coupling_map=[[0, 1]] if between else None, seed_transpiler=1
    )
    circuit.compose(back, range(len(target)), inplace=True)
    return circuit


@cache
def _gate(name: str) -> Clifford:
    alone = QuantumCircuit(2)
    getattr(alone, name)(0, 1)
    return Clifford(alone)
