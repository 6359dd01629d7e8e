"""Bound circuits that differ only in angles, folded back into one template and a table of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.controlflow import CONTROL_FLOW_OP_NAMES

ANGLES = frozenset({"rz", "rx", "rzz"})
"""Gates whose angle may differ from row to row."""


def fold(circuits: Sequence[QuantumCircuit]) -> list[tuple[QuantumCircuit, NDArray[np.float64] | None, list[int]]]:
    """Gather circuits of one structure.

    Qiskit's `BackendSamplerV2` binds a sweep before it calls ``run``: a thousand circuits that are one template.

    Args:
        circuits: Without free parameters.

    Returns:
        Template, rows ``(members, parameters)`` (None for a circuit on its own), and the positions of the members.
    """
    found: dict[object, tuple[list[list[float]], list[int]]] = {}
    for position, circuit in enumerate(circuits):
        key, angles = _structure(circuit)
        rows, members = found.setdefault(position if key is None else key, ([], []))
        rows.append(angles)
        members.append(position)
    groups: list[tuple[QuantumCircuit, NDArray[np.float64] | None, list[int]]] = []
    for rows, members in found.values():
        first = circuits[members[0]]
        if len(members) == 1:
            groups.append((first, None, members))
        else:
            groups.append((*_template(first, np.array(rows, dtype=np.float64).reshape(len(members), -1)), members))
    return groups


def _structure(circuit: QuantumCircuit) -> tuple[object | None, list[float]]:
    """What circuits of one template have in common, and the angles in which they may differ; None if it stands alone."""
    steps: list[object] = []
    angles: list[float] = []
    bit = {b: i for i, b in enumerate((*circuit.qubits, *circuit.clbits))}
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name in CONTROL_FLOW_OP_NAMES or operation.name in ("store", "box"):
            return None, []
        places = tuple(bit[b] for b in (*instruction.qubits, *instruction.clbits))
        if operation.name in ANGLES:
            angles.append(float(operation.params[0]))
            steps.append((operation.name, places))
        else:
            unit = getattr(operation, "unit", None) if operation.name == "delay" else None
            steps.append((operation.name, places, unit, tuple(str(p) for p in operation.params)))
    registers = tuple((r.name, tuple(bit[b] for b in r)) for r in circuit.cregs)
    return (circuit.num_qubits, circuit.num_clbits, registers, tuple(steps)), angles


def _template(first: QuantumCircuit, rows: NDArray[np.float64]) -> tuple[QuantumCircuit, NDArray[np.float64]]:
    """The first circuit with parameters where the rows differ, and the columns of these in the order of its parameters."""
    varying = np.flatnonzero((rows != rows[0]).any(axis=0))
    names: dict[int, Parameter] = dict(zip(varying.tolist(), ParameterVector("angle", len(varying)), strict=True))
    template = first.copy_empty_like()
    column = 0
    for instruction in first.data:
        if instruction.operation.name in ANGLES:
            if column in names:
                operation = instruction.operation.to_mutable()
                operation.params = [names[column]]
                instruction = instruction.replace(operation=operation)
            column += 1
        template.append(instruction)
    order = {parameter: index for index, parameter in names.items()}
    return template, rows[:, [order[parameter] for parameter in template.parameters]]
