"""Classical expressions that a device evaluates in real time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


class VariableKind(StrEnum):
    """Type of a real-time variable."""

    BOOL = "bool"
    UINT = "uint"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Variable:
    """A real-time variable, zero at the start of each shot.

    Attributes:
        name: For people.
        kind: Its type.
        width: Bits, 1 to 64, of a ``UINT``; arithmetic wraps at ``2**width``. 1 for ``BOOL``, 64 for ``FLOAT``.
    """

    name: str
    kind: VariableKind
    width: int = 64


class Operator(StrEnum):
    """What an `Apply` does; names are OpenQASM 3's."""

    NOT = "!"
    BIT_NOT = "~"
    NEGATE = "neg"
    AND = "&&"
    OR = "||"
    BIT_AND = "&"
    BIT_OR = "|"
    BIT_XOR = "^"
    SHIFT_LEFT = "<<"
    SHIFT_RIGHT = ">>"
    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    INDEX = "[]"  # bit number args[1] of args[0]
    CAST = "cast"  # to `kind` and `width` of the Apply


@dataclass(frozen=True, slots=True)
class Constant:
    """A boolean, an unsigned integer below 2**64, or a finite float; the Python type is the type."""

    value: bool | int | float


@dataclass(frozen=True, slots=True)
class Bits:
    """An unsigned number read from columns, least significant first; one column is a boolean."""

    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """The value of a real-time variable."""

    variable: int


@dataclass(frozen=True, slots=True)
class SlotValue:
    """The row's number in a slot of kind ``VALUE``, a float."""

    slot: int


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator on expressions. ``kind`` and ``width`` give the type of the result, as those of a `Variable`.

    A boolean may stand where an unsigned integer may, and either where a float may; downwards only a ``CAST`` leads. Bits and
    shifts are of integers, ``!``, ``&&`` and ``||`` of booleans, arithmetic of integers or floats; what compares gives a boolean.
    """

    operator: Operator
    arguments: tuple[Expression, ...]
    kind: VariableKind
    width: int = 64


Expression: TypeAlias = Constant | Bits | Read | SlotValue | Apply


def parts(expression: Expression) -> Iterator[Expression]:
    """The expression and all that it is made of, outer before inner."""
    yield expression
    if isinstance(expression, Apply):
        for argument in expression.arguments:
            yield from parts(argument)


def kind_of(expression: Expression, variables: Sequence[Variable]) -> VariableKind:
    """Type of an expression's value."""
    if isinstance(expression, Apply):
        return expression.kind
    if isinstance(expression, Read):
        return variables[expression.variable].kind
    if isinstance(expression, Bits):
        return VariableKind.BOOL if len(expression.columns) == 1 else VariableKind.UINT
    if isinstance(expression, SlotValue) or isinstance(expression.value, float):
        return VariableKind.FLOAT
    return VariableKind.BOOL if isinstance(expression.value, bool) else VariableKind.UINT


def columns_of(expression: Expression) -> set[int]:
    """Columns that an expression reads."""
    return {column for part in parts(expression) if isinstance(part, Bits) for column in part.columns}


def asks_one_bit(expression: Expression) -> bool:
    """Whether it is a measured bit, its opposite, or nothing that is measured: what a branch may ask without arithmetic."""
    simple = all(
        (isinstance(part, Bits) and len(part.columns) == 1)
        or isinstance(part, Constant)
        or (isinstance(part, Apply) and part.operator in _OF_ONE_BIT)
        for part in parts(expression)
    )
    return simple and len(columns_of(expression)) <= 1


_OF_ONE_BIT = {Operator.NOT, Operator.EQUAL, Operator.NOT_EQUAL, Operator.CAST}


def evaluate(
    expression: Expression,
    bits: NDArray[np.bool_],
    variables: NDArray[np.float64],
    slots: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Evaluate for many shots at once (the reference meaning of an expression, used by drivers without hardware).

    Args:
        expression: What to evaluate.
        bits: ``bool[shots, columns]``, the device's memory.
        variables: ``float64[shots, variables]``.
        slots: ``float64[slots]``, the row.

    Returns:
        ``float64[shots]``; booleans are 0 and 1. Integers are exact to 53 bits. What is divided by zero is 0, and so is a float
        that would pass the largest one; a shift by 64 or more gives 0, and a float cast to an integer loses its fraction
        (towards zero).
    """
    if isinstance(expression, Constant):
        return np.full(len(bits), float(expression.value))
    if isinstance(expression, Bits):
        weights = 2.0 ** np.arange(len(expression.columns))
        return np.asarray(bits[:, list(expression.columns)] @ weights, dtype=np.float64)
    if isinstance(expression, Read):
        return variables[:, expression.variable].copy()
    if isinstance(expression, SlotValue):
        return np.full(len(bits), slots[expression.slot])
    arguments = [evaluate(argument, bits, variables, slots) for argument in expression.arguments]
    value = _apply(expression, arguments)
    if expression.kind is VariableKind.BOOL:
        return np.asarray(value != 0, dtype=np.float64)
    if expression.kind is VariableKind.UINT:
        return np.asarray(np.mod(np.trunc(value), 2.0**expression.width), dtype=np.float64)
    return np.where(np.isfinite(value), value, 0.0)


def _apply(node: Apply, arguments: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    first = arguments[0]
    operator = node.operator
    if operator is Operator.CAST:
        return first
    if operator is Operator.NOT:
        return np.asarray(first == 0, dtype=np.float64)
    if operator is Operator.NEGATE:
        return -first
    if operator is Operator.BIT_NOT:
        return np.asarray(2.0**node.width - 1 - first, dtype=np.float64)
    second = arguments[1]
    if operator in _INTEGER or (operator in _WRAPPING and node.kind is VariableKind.UINT):
        # uint64 wraps at 2**64, a multiple of every narrower width, so that a long product stays exact
        left, right = first.astype(np.uint64), second.astype(np.uint64)
        word = (_INTEGER | _WRAPPING)[operator](left, right)
        width = node.width if node.kind is VariableKind.UINT else 64
        return np.asarray(word & np.uint64(2**width - 1), dtype=np.float64)
    if operator is Operator.DIVIDE and node.kind is VariableKind.UINT:
        return np.asarray(np.floor_divide(first, np.where(second == 0, np.inf, second)), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(_REAL[operator](first, second), dtype=np.float64)


def _shift(shift: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A shift that gives 0 where C and NumPy leave a shift by the whole word undefined."""

    def safe(word: NDArray[np.uint64], places: NDArray[np.uint64]) -> Any:
        return np.where(places < 64, shift(word, np.minimum(places, np.uint64(63))), np.uint64(0))

    return safe


_INTEGER: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.BIT_AND: np.bitwise_and,
    Operator.BIT_OR: np.bitwise_or,
    Operator.BIT_XOR: np.bitwise_xor,
    Operator.SHIFT_LEFT: _shift(np.left_shift),
    Operator.SHIFT_RIGHT: _shift(np.right_shift),
    Operator.INDEX: lambda word, index: _shift(np.right_shift)(word, index) & np.uint64(1),
}
_WRAPPING: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.ADD: np.add,
    Operator.SUBTRACT: np.subtract,
    Operator.MULTIPLY: np.multiply,
}
_REAL: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.AND: np.logical_and,
    Operator.OR: np.logical_or,
    Operator.EQUAL: np.equal,
    Operator.NOT_EQUAL: np.not_equal,
    Operator.LESS: np.less,
    Operator.LESS_EQUAL: np.less_equal,
    Operator.GREATER: np.greater,
    Operator.GREATER_EQUAL: np.greater_equal,
    Operator.ADD: np.add,
    Operator.SUBTRACT: np.subtract,
    Operator.MULTIPLY: np.multiply,
    Operator.DIVIDE: np.divide,
}
