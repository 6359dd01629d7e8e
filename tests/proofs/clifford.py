"""Cliffords in gates of a device: drawn at random, and undone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import Clifford
from qiskit.synthesis import OneQubitEulerDecomposer

Values = NDArray[np.float64]


def turned(circuit: QuantumCircuit, qubit: int, draw: np.random.Generator) -> None:
    """A random Clifford of one qubit, always two sx."""
    for step in range(3):
        circuit.rz(float(draw.integers(4)) * np.pi / 2, qubit)
        if step < 2:
            circuit.sx(qubit)


def close(circuit: QuantumCircuit, qubits: tuple[int, ...]) -> None:
    """Undo a Clifford circuit in gates of the device."""
    small = QuantumCircuit(len(qubits))
    for item in circuit.data:
        small.append(item.operation, [qubits.index(circuit.find_bit(bit).index) for bit in item.qubits])
    undone = Clifford(_exact(small)).adjoint().to_circuit()
    for item in undone.data:
        where = [qubits[undone.find_bit(bit).index] for bit in item.qubits]
        _native(circuit, item.operation.name, where)


def _exact(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit with quarter turns about Z by name."""
    found = circuit.copy_empty_like()
    for item in circuit.data:
        if item.operation.name == "rz":
            for _ in range(round(item.operation.params[0] / (np.pi / 2)) % 4):
                found.s(item.qubits[0])
        else:
            found.append(item)
    return found


def _native(circuit: QuantumCircuit, name: str, where: list[int]) -> None:
    """A gate of Qiskit's Clifford synthesis, in gates of the device."""
    quarter = {"s": 1, "z": 2, "sdg": 3}
    if name in quarter:
        circuit.rz(quarter[name] * np.pi / 2, where[0])
    elif name == "x":
        circuit.x(where[0])
    elif name == "y":
        circuit.rz(np.pi, where[0])
        circuit.x(where[0])
    elif name == "h":
        circuit.rz(np.pi / 2, where[0])
        circuit.sx(where[0])
        circuit.rz(np.pi / 2, where[0])
    elif name == "swap":
        for pair in (where, where[::-1], where):
            _native(circuit, "cx", pair)
    elif name == "cx" and "ecr" in circuit.count_ops():
        _cx_of_ecr(circuit, where)
    elif name == "cx":
        _native(circuit, "h", [where[1]])
        circuit.cz(*sorted(where))
        _native(circuit, "h", [where[1]])
    else:
        raise ValueError(name)


def _cx_of_ecr(circuit: QuantumCircuit, where: list[int]) -> None:
    """A controlled NOT of the pair's ecr, whichever way it is calibrated."""
    control, target = next(
        [circuit.find_bit(bit).index for bit in item.qubits] for item in circuit.data if item.operation.name == "ecr"
    )
    turned_round = where[0] != control
    if turned_round:
        for qubit in where:
            _native(circuit, "h", [qubit])
    circuit.rz(-np.pi / 2, control)
    circuit.rz(np.pi, target)
    circuit.sx(target)
    circuit.rz(np.pi, target)
    circuit.ecr(control, target)
    circuit.x(control)
    if turned_round:
        for qubit in where:
            _native(circuit, "h", [qubit])


def euler(circuit: QuantumCircuit, qubit: int, turns: Values) -> NDArray[np.complex128]:
    """Three turns about Z with an sx between each two; what they are as a matrix."""
    found = np.eye(2, dtype=complex)
    for step, turn in enumerate(turns):
        circuit.rz(float(turn), qubit)
        found = np.diag(np.exp([-0.5j * turn, 0.5j * turn])) @ found
        if step < 2:
            circuit.sx(qubit)
            found = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2 @ found
    return found


def angles(matrix: NDArray[np.complex128]) -> Values:
    """The turns of `euler` that make a matrix, up to its global phase."""
    theta, phi, lam = OneQubitEulerDecomposer("U3").angles(matrix)
    return np.array([lam, theta + np.pi, phi + np.pi])
