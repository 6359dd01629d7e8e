"""Lengths of delays and boxes, in ticks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from qiskit.circuit import ParameterExpression
from qiskit.circuit.classical import expr

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.angle import Affine, Sources
from qpu_bridge.units import Clock

UNITS = {
    "s": Fraction(1),
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
    "ps": Fraction(1, 10**12),
}
"""Units of length, s; ``dt`` is another."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where operations may start.

    Attributes:
        clock: Timeline clock.
        step: Every start is a multiple of this many ticks.
    """

    clock: Clock
    step: int = 1

    def nearest(self, seconds: Fraction) -> int:
        """Ticks of a length in s, moved to the nearest multiple of the step."""
        return round(seconds / (self.clock.dt * self.step)) * self.step

    def cover(self, ticks: int) -> int:
        """The shortest length on the grid that is at least as long."""
        return -(-ticks // self.step) * self.step


def delay_ticks(instruction: Any, grid: Grid, sources: Sources, where: tuple[int, ...], origin: int) -> int | Affine:
    """Length of a delay.

    Args:
        instruction: The delay.
        grid: Where operations may start.
        sources: Columns of the circuit's parameters.
        where: Qubits, for the message.
        origin: Index of the instruction, for the message.

    Returns:
        Ticks; affine if the length is a parameter.

    Raises:
        NotNative: If the length is negative, a stretch, or (in dt) not on the grid.
    """
    (length,) = instruction.params
    unit = instruction.operation.unit
    return ticks_of(length, unit, grid, sources, f"instruction {origin}: delay on qubit {', '.join(map(str, where))}")


def ticks_of(length: Any, unit: str, grid: Grid, sources: Sources, place: str) -> int | Affine:
    """A length in a unit of Qiskit's as ticks; see `delay_ticks`."""
    if isinstance(length, expr.Expr) or unit == "expr":
        # a length without stretches is a plain Duration value
        if isinstance(length, expr.Value):
            return ticks_of(length.value.value(), length.value.unit(), grid, sources, place)
        raise NotNative("a delay must have a length known when the circuit is submitted; stretches must be resolved", where=place)
    if unit not in UNITS and unit != "dt":
        raise NotNative(f"a length must be in dt, {', '.join(UNITS)}", given=unit, where=place)
    if isinstance(length, ParameterExpression) and length.parameters:
        scale = 1.0 if unit == "dt" else float(UNITS[unit] / grid.clock.dt)
        return sources.read(length).times(scale)
    number = float(length)
    if not 0 <= number < float("inf"):
        raise NotNative("a length must not be negative", given=f"{number} {unit}", where=place)
    if unit != "dt":
        # a decimal face value has at most 15 digits; finer than any clock
        return grid.nearest(Fraction(repr(number)) * UNITS[unit])
    if number % grid.step:
        raise NotNative(f"a length in dt must be a multiple of {grid.step}", given=f"{number:g} dt", where=place)
    return int(number)
