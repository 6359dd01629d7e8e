"""Expressions of the text: numbers, lists and calls."""

from __future__ import annotations

import math
import operator
from typing import Any, NoReturn

from openpulse import ast

from qpu_bridge.errors import SettingsError

_APPLY = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def number(part: Any) -> complex:
    """The value of a constant expression.

    Raises:
        SettingsError: If it is none.
    """
    if isinstance(part, ast.IntegerLiteral | ast.FloatLiteral):
        return complex(part.value)
    if isinstance(part, ast.ImaginaryLiteral):
        return complex(0, part.value)
    if isinstance(part, ast.Identifier) and part.name in ("pi", "π", "tau", "τ"):
        return complex(math.pi if part.name in ("pi", "π") else math.tau)
    if isinstance(part, ast.UnaryExpression) and part.op.name == "-":
        return -number(part.expression)
    if isinstance(part, ast.BinaryExpression) and part.op.name in _APPLY:
        left, right = number(part.lhs), number(part.rhs)
        if part.op.name == "/" and not right:
            refuse(part, "nothing may be divided by zero")
        applied: complex = _APPLY[part.op.name](left, right)
        return applied
    refuse(part, "a number must be a constant")


def listed(part: Any) -> list[complex]:
    """The values of a list of numbers."""
    if not isinstance(part, ast.ArrayLiteral):
        refuse(part, "a list must be given as {...}")
    return [number(one) for one in part.values]


def arguments(part: Any) -> list[Any]:
    """What a call is given."""
    return list(part.arguments)


def call(part: Any, name: str, count: int) -> list[Any]:
    """The arguments of the call of a function, so many.

    Raises:
        SettingsError: If it is another expression.
    """
    if not isinstance(part, ast.FunctionCall) or part.name.name != name or len(part.arguments) != count:
        refuse(part, f"here must stand {name} with {count} arguments")
    return list(part.arguments)


def refuse(part: Any, must: str) -> NoReturn:
    """Refuse a part of the text.

    Raises:
        SettingsError: Always, with the line.
    """
    span = getattr(part, "span", None)
    given = part.name.name if isinstance(part, ast.FunctionCall) else type(part).__name__
    raise SettingsError(must, given=given, where="" if span is None else f"line {span.start_line}")
