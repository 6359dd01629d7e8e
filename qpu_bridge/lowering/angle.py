"""Numbers that depend on circuit parameters: affine where possible, else a formula evaluated for all rows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression

from qpu_bridge.errors import NotNative


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + sum(coefficient * source[column])``.

    Attributes:
        constant: The part that no parameter moves.
        terms: Pairs of (column of the sources, coefficient), columns ascending.
    """

    constant: float
    terms: tuple[tuple[int, float], ...] = ()

    def plus(self, other: Affine, factor: float = 1.0) -> Affine:
        """``self + factor * other``."""
        sums = dict(self.terms)
        for column, coefficient in other.terms:
            sums[column] = sums.get(column, 0.0) + factor * coefficient
        return Affine(self.constant + factor * other.constant, tuple(sorted((c, v) for c, v in sums.items() if v != 0.0)))

    def times(self, factor: float) -> Affine:
        """``factor * self``."""
        return Affine(self.constant * factor, tuple((c, v * factor) for c, v in self.terms if v * factor != 0.0))

    def evaluate(self, sources: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value per row of ``float64[rows, columns]``."""
        value = np.full(len(sources), self.constant)
        for column, coefficient in self.terms:
            value += coefficient * sources[:, column]
        return value


@dataclass(frozen=True, slots=True)
class Formula:
    """An operation on affine numbers and other formulas; equal by content, so that equal formulas are evaluated once."""

    operation: str
    arguments: tuple[Node, ...]

    def evaluate(self, sources: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value per row of ``float64[rows, columns]``; may be nan or infinite where the formula is not defined."""
        arguments = [argument.evaluate(sources) for argument in self.arguments]
        with np.errstate(all="ignore"):
            return np.asarray(_OPERATIONS[self.operation](*arguments), dtype=np.float64)


Node: TypeAlias = Affine | Formula

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "POW": np.power,
    "SIN": np.sin,
    "COS": np.cos,
    "TAN": np.tan,
    "ASIN": np.arcsin,
    "ACOS": np.arccos,
    "ATAN": np.arctan,
    "EXP": np.exp,
    "LOG": np.log,
    "SIGN": np.sign,
    "ABS": np.abs,
    "CONJ": np.positive,  # of a real number
}
_DEEPEST = 64
"""Formulas inside formulas; deeper ones would exhaust the interpreter's stack."""
_SWAPPED = {"RSUB": "SUB", "RDIV": "DIV", "RPOW": "POW"}
_BINARY = frozenset({"ADD", "SUB", "MUL", "DIV", "POW"})


class Sources:
    """The columns that numbers are built from: the circuit's parameters, then formulas found on the way.

    Args:
        parameters: Parameters in the order of the caller's columns.
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._column: dict[Any, int] = {parameter: index for index, parameter in enumerate(parameters)}
        self.parameters = len(self._column)
        self._formulas: dict[Formula, int] = {}

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Formulas in the order of their columns, which follow the parameters' columns."""
        return tuple(self._formulas)

    def read(self, value: Any) -> Affine:
        """A gate's parameter as an affine number of the columns.

        Raises:
            NotNative: If the value is not real or uses something that is not a parameter of the circuit.
        """
        if not isinstance(value, ParameterExpression):
            try:
                return Affine(float(value))
            except (TypeError, ValueError):
                raise NotNative("an angle must be a real number or an expression of parameters", given=value) from None
        node = self._node(value)
        if isinstance(node, Affine):
            return node
        if _depth(node) > _DEEPEST:
            raise NotNative(f"an angle's expression must be nested at most {_DEEPEST} deep", given=_depth(node))
        column = self.parameters + self._formulas.setdefault(node, len(self._formulas))
        return Affine(0.0, ((column, 1.0),))

    def _node(self, value: Any) -> Node:
        if not isinstance(value, ParameterExpression):
            return Affine(float(value))
        if isinstance(value, Parameter) or value.is_symbol():
            parameter = value if isinstance(value, Parameter) else next(iter(value.parameters))
            if parameter not in self._column:
                raise NotNative("an angle may only use the circuit's own parameters", given=parameter.name)
            return Affine(0.0, ((self._column[parameter], 1.0),))
        if not value.parameters:
            return Affine(float(value.numeric(strict=False)))
        # QPY's replay is the library's own postfix form of an expression: a missing operand is the result before
        stack: list[Node] = []
        for step in value._qpy_replay:
            stack.extend(self._node(operand) for operand in (step.lhs, step.rhs) if operand is not None)
            name = str(step.op).rpartition(".")[2]
            if name in _SWAPPED:
                left, right = stack.pop(), stack.pop()
                stack.append(_apply(_SWAPPED[name], left, right))
            elif name in _BINARY:
                right, left = stack.pop(), stack.pop()
                stack.append(_apply(name, left, right))
            elif name in _OPERATIONS:
                stack.append(_apply(name, stack.pop()))
            else:
                raise NotNative("an angle may only use the usual functions of real numbers", given=name)
        return stack.pop()


def _depth(node: Node) -> int:
    """Formulas inside formulas, found level by level."""
    depth = 0
    level: list[Node] = [node]
    while level := [inner for one in level if isinstance(one, Formula) for inner in one.arguments]:
        depth += 1
        if depth > _DEEPEST:
            break
    return depth


def _apply(name: str, *arguments: Node) -> Node:
    plain = [argument for argument in arguments if isinstance(argument, Affine)]
    if len(plain) == len(arguments):
        if not any(argument.terms for argument in plain):
            with np.errstate(all="ignore"):
                return Affine(float(_OPERATIONS[name](*(argument.constant for argument in plain))))
        first, second = plain[0], plain[-1]
        if name == "ADD":
            return first.plus(second)
        if name == "SUB":
            return first.plus(second, -1.0)
        if name == "MUL" and not second.terms:
            return first.times(second.constant)
        if name == "MUL" and not first.terms:
            return second.times(first.constant)
        if name == "DIV" and not second.terms and second.constant:
            return first.times(1.0 / second.constant)
    return Formula(name, arguments)
