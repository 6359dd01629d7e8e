"""Where an error is, for people."""

from __future__ import annotations

from qpu_bridge.errors import NotNative


def unsynchronized(qubit: int, origin: int) -> NotNative:
    """A wait of variable length that only some qubits join."""
    return NotNative(
        "a delay whose length is a parameter must stand on all used qubits at once, with the same length",
        given=f"a delay on qubit {qubit} that other qubits do not share",
        where=f"instruction {origin}: delay on qubit {qubit}",
        remedy="Delay every used qubit by the same parameter between two barriers, or bind the parameter.",
    )


def place(origin: int, name: str, where: tuple[int, ...]) -> str:
    """Where an error is, for people."""
    return f"instruction {origin}: {name} on {spell([where])}"


def spell(places: list[tuple[int, ...]], most: int = 12) -> str:
    """Sets of qubits for people."""
    words = [f"qubit {p[0]}" if len(p) == 1 else f"qubits {', '.join(map(str, p))}" for p in places[:most]]
    return "; ".join(words) + (f"; and {len(places) - most} more" if len(places) > most else "")
