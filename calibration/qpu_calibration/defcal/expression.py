"""Expressions of the text: numbers, lists and calls."""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

from openpulse import ast

from qpu_bridge.errors import SettingsError

_APPLY: dict[str, Callable[[complex, complex], complex]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

LONGEST = 2**24
"""Samples of a waveform, ticks of a wait: text that says more is a mistake, and would take all memory."""


def number(part: Any) -> complex:
    """The value of a constant expression.

    Raises:
        SettingsError: If it is none, or not finite.
    """
    try:
        value = _value(part)
    except OverflowError:
        value = complex(math.inf)
    if not cmath.isfinite(value):
        refuse(part, "a number must be finite")
    return value


def real(part: Any) -> float:
    """The value of a constant expression that has no imaginary part.

    Raises:
        SettingsError: If it is none.
    """
    value = number(part)
    if value.imag:
        refuse(part, "a number must be real here")
    return float(value.real)


def whole(part: Any) -> int:
    """The value of a constant expression that counts samples.

    Raises:
        SettingsError: If it is none.
    """
    value = real(part)
    if value != int(value) or not 0 <= value <= LONGEST:
        refuse(part, f"a number of samples must be a whole one, up to {LONGEST}")
    return int(value)


def ticks(part: Any) -> int:
    """A duration in ticks.

    Raises:
        SettingsError: If it is not given in so many dt.
    """
    literal = isinstance(part, ast.DurationLiteral) and part.unit is ast.TimeUnit.dt
    if not literal or not 0 <= part.value <= LONGEST or part.value != int(part.value):
        refuse(part, f"a duration must be a whole number of dt, up to {LONGEST}")
    return int(part.value)


def word(part: Any) -> str:
    """A name.

    Raises:
        SettingsError: If it is another expression.
    """
    if not isinstance(part, ast.Identifier):
        refuse(part, "a name must stand here")
    return str(part.name)


def _value(part: Any) -> complex:
    if isinstance(part, ast.IntegerLiteral | ast.FloatLiteral):
        return complex(part.value)
    if isinstance(part, ast.ImaginaryLiteral):
        return complex(0, part.value)
    if isinstance(part, ast.Identifier) and part.name in ("pi", "π", "tau", "τ"):
        return complex(math.pi if part.name in ("pi", "π") else math.tau)
    if isinstance(part, ast.UnaryExpression) and part.op.name == "-":
        return -_value(part.expression)
    if isinstance(part, ast.BinaryExpression) and part.op.name in _APPLY:
        left, right = _value(part.lhs), _value(part.rhs)
        if part.op.name == "/" and not right:
            refuse(part, "nothing may be divided by zero")
        return _APPLY[part.op.name](left, right)
    refuse(part, "a number must be a constant")


def listed(part: Any) -> list[complex]:
    """The values of a list of numbers."""
    if not isinstance(part, ast.ArrayLiteral):
        refuse(part, "a list must be given as {...}")
    return [number(one) for one in part.values]


def call(part: Any, name: str, count: int) -> list[Any]:
    """The arguments of the call of a function, so many.

    Raises:
        SettingsError: If it is another expression.
    """
    if not isinstance(part, ast.FunctionCall) or part.name.name != name or len(part.arguments) != count:
        refuse(part, f"here must stand {name} with {count} arguments")
    return list(part.arguments)


def refuse(part: Any, must: str, given: str = "") -> NoReturn:
    """Refuse a part of the text.

    Args:
        part: Which.
        must: What must hold.
        given: What it is, if its kind does not say enough.

    Raises:
        SettingsError: Always, with the line.
    """
    span = getattr(part, "span", None)
    kind = part.name.name if isinstance(part, ast.FunctionCall) else type(part).__name__
    raise SettingsError(must, given=given or kind, where="" if span is None else f"line {span.start_line}")
