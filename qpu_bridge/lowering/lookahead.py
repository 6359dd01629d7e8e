"""What a reader must know of a circuit before it comes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit

RESETS = frozenset({"reset", "reset_2", "measure_reset"})
"""Instructions that bring a qubit to its ground state; the last keeps the bit that it was found in."""


def resets_from(circuit: QuantumCircuit, index: int) -> list[CircuitInstruction]:
    """The resets that follow one another from an instruction on, on different qubits: they are measured together."""
    found: list[CircuitInstruction] = []
    for instruction in circuit.data[index:]:
        if instruction.name not in RESETS or any(_meet(instruction, other) for other in found):
            break
        found.append(instruction)
    return found


def _meet(one: CircuitInstruction, other: CircuitInstruction) -> bool:
    return bool({*one.qubits, *one.clbits} & {*other.qubits, *other.clbits})


def used_qubits(circuit: QuantumCircuit, qubits: Mapping[Any, int]) -> set[int]:
    """Qubits that something other than a barrier or a delay acts on."""
    found: set[int] = set()
    for instruction in circuit.data:
        if instruction.name not in ("barrier", "delay"):
            found.update(qubits[bit] for bit in instruction.qubits)
    return found
