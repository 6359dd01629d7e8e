"""What a reader must know of a circuit before it comes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qiskit.circuit import QuantumCircuit


def resets_from(circuit: QuantumCircuit, index: int) -> list[Any]:
    """Qubits of the resets that follow one another from an instruction on: they are measured together."""
    found: list[Any] = []
    for instruction in circuit.data[index:]:
        if instruction.name != "reset" or instruction.qubits[0] in found:
            break
        found.append(instruction.qubits[0])
    return found


def used_qubits(circuit: QuantumCircuit, qubits: Mapping[Any, int]) -> set[int]:
    """Qubits that something other than a barrier or a delay acts on."""
    found: set[int] = set()
    for instruction in circuit.data:
        if instruction.name not in ("barrier", "delay"):
            found.update(qubits[bit] for bit in instruction.qubits)
    return found
