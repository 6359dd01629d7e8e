"""Numbers, expressions and loops of a schedule in words, for people: pictures and messages."""

from __future__ import annotations

from fractions import Fraction
from math import isclose, pi

from qpu_bridge.schedule.block import Linear, Rows, Shots
from qpu_bridge.schedule.expression import Apply, Bits, Constant, Expression, Operator, Read, SlotValue
from qpu_bridge.schedule.schedule import Schedule

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p"))


def quantity(value: float, unit: str) -> str:
    """A number with a prefix: ``5.1 GHz``."""
    size, prefix = next((pair for pair in _PREFIXES if abs(value) >= pair[0] * 0.9999999), (1.0, ""))
    return f"{value / size:.9g} {prefix}{unit}"


def angle(phase: float) -> str:
    """A phase in (-pi, pi], as a fraction of pi where it is one: ``pi/2``."""
    turned = phase % (2 * pi)
    turned = turned - 2 * pi if turned > pi * (1 + 1e-12) else turned
    part = Fraction(turned / pi).limit_denominator(16)
    if not isclose(float(part) * pi, turned, abs_tol=1e-9):
        return f"{turned:.4g}"
    if not part:
        return "0"
    top = {1: "pi", -1: "-pi"}.get(part.numerator, f"{part.numerator}pi")
    return top if part.denominator == 1 else f"{top}/{part.denominator}"


def expression(schedule: Schedule, part: Expression) -> str:
    """A classical expression with the names of columns and variables."""
    if isinstance(part, Constant):
        return str(part.value).lower() if isinstance(part.value, bool) else f"{part.value:.6g}"
    if isinstance(part, Bits):
        names = [schedule.columns[column].name for column in reversed(part.columns)]
        return names[0] if len(names) == 1 else "{" + " ".join(names) + "}"
    if isinstance(part, Read):
        return schedule.variables[part.variable].name
    if isinstance(part, SlotValue):
        return f"s{part.slot}"
    inner = [expression(schedule, argument) for argument in part.arguments]
    return _applied(part, inner)


def _applied(part: Apply, inner: list[str]) -> str:
    if part.operator is Operator.CAST:
        return f"{part.kind.value}({inner[0]})"
    if part.operator is Operator.INDEX:
        return f"{inner[0]}[{inner[1]}]"
    if len(inner) == 1:
        return f"{'-' if part.operator is Operator.NEGATE else part.operator.value}{inner[0]}"
    return f"({inner[0]} {part.operator.value} {inner[1]})"


def loop(schedule: Schedule, block: Rows | Shots | Linear) -> str:
    """A data loop: ``s2 = 0 + 20 k, k < 11``."""
    if isinstance(block, Linear):
        axes = [
            f"{schedule.slots[sweep.slot].kind.value} s{sweep.slot} = {sweep.start:.9g} + {sweep.step:.9g} k"
            for sweep in block.sweeps
        ]
        return f"{', '.join(axes)}, k < {block.count}"
    return "rows" if isinstance(block, Rows) else "shots"
