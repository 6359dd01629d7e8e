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
