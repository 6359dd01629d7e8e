"""Lengths that hold stretches, as linear forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from qiskit.circuit import CircuitInstruction
from qiskit.circuit.classical import expr

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.duration import UNITS
from qpu_bridge.units import Clock


@dataclass(frozen=True, slots=True)
class Length:
    """``fixed + sum(share * stretch)``, ticks; of a number without unit, only ``fixed``.

    Attributes:
        fixed: Ticks that do not stretch.
        shares: Stretch, by name -> how often it is in the length; never 0.
    """

    fixed: float
    shares: Mapping[str, float]

    def plus(self, other: Length, sign: float = 1.0) -> Length:
        """The sum, or the difference."""
        names = dict.fromkeys((*self.shares, *other.shares))
        shares = {name: self.shares.get(name, 0.0) + sign * other.shares.get(name, 0.0) for name in names}
        return Length(self.fixed + sign * other.fixed, {name: share for name, share in shares.items() if share})

    def times(self, factor: float) -> Length:
        """The multiple."""
        shares = {name: factor * share for name, share in self.shares.items() if factor * share}
        return Length(factor * self.fixed, shares)

    def at(self, values: Mapping[str, float]) -> float:
        """The length when the stretches have these lengths, ticks."""
        return self.fixed + sum(share * values[name] for name, share in self.shares.items())


def stretches_in(instruction: CircuitInstruction) -> bool:
    """Whether an instruction is a delay whose length is an expression with stretches."""
    return instruction.name == "delay" and isinstance(length := instruction.params[0], expr.Expr) and _stretches(length)


def length_of(node: Any, clock: Clock, where: str) -> Length:
    """A classical expression of type duration as a linear form.

    Raises:
        NotNative: If it is not linear, or has parts that are not known when the circuit is submitted.
    """
    match node:
        case expr.Stretch():
            return Length(0.0, {node.name: 1.0})
        case expr.Value():
            return Length(_number(node.value, clock), {})
        case expr.Cast():
            return length_of(node.operand, clock, where)
        case expr.Binary(op=expr.Binary.Op.ADD):
            return length_of(node.left, clock, where).plus(length_of(node.right, clock, where))
        case expr.Binary(op=expr.Binary.Op.SUB):
            return length_of(node.left, clock, where).plus(length_of(node.right, clock, where), -1.0)
        case expr.Binary(op=expr.Binary.Op.MUL | expr.Binary.Op.DIV):
            return _scaled(node, clock, where)
    raise NotNative("a delay must be a sum of lengths and multiples of stretches", given=type(node).__name__, where=where)


def _scaled(node: Any, clock: Clock, where: str) -> Length:
    left, right = length_of(node.left, clock, where), length_of(node.right, clock, where)
    if node.op is expr.Binary.Op.DIV:
        if right.shares or not right.fixed:
            raise NotNative("a delay must not be divided by a stretch or by zero", where=where)
        return left.times(1 / right.fixed)
    if left.shares and right.shares:
        raise NotNative("a delay must not multiply stretches with each other", where=where)
    return left.times(right.fixed) if left.shares or not right.shares else right.times(left.fixed)


def _stretches(node: Any) -> bool:
    return any(isinstance(part, expr.Stretch) for part in expr.iter_identifiers(node))


def _number(value: Any, clock: Clock) -> float:
    unit = getattr(value, "unit", None)
    if unit is None:
        return float(value)
    number = value.value()
    if unit() == "dt":
        return float(number)
    return float(Fraction(repr(float(number))) * UNITS[unit()] / clock.dt)
