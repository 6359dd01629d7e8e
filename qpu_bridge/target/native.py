"""The native gates that a snapshot may list: how many qubits, and whether an angle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Native:
    """A kind of native gate.

    Attributes:
        qubits: How many it acts on.
        angles: Names of its angles, as Qiskit calls them.
        symmetric: Whether its qubits may be exchanged.
    """

    qubits: int
    angles: tuple[str, ...] = ()
    symmetric: bool = False


NATIVE: dict[str, Native] = {
    "id": Native(1),
    "rz": Native(1, ("lambda",)),
    "sx": Native(1),
    "x": Native(1),
    "rx": Native(1, ("theta",)),
    "cz": Native(2, (), True),
    "ecr": Native(2),
    "rzz": Native(2, ("theta",), True),
}

MID_CIRCUIT: dict[str, int] = {"measure_2": 1, "reset_2": 0, "measure_reset": 1}
"""Instructions on one qubit that the client has for the middle of a circuit, with the number of their classical bits.

A machine has one kind of measurement, so ``measure_2`` is ``measure`` and ``reset_2`` is ``reset``; ``measure_reset`` is a reset
that keeps the bit it was decided by.
"""
