"""Qiskit's classical expressions as expressions that a device evaluates in real time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from qpu_bridge.errors import NotNative
from qpu_bridge.schedule import Apply, Bits, Constant, Expression, Operator, Read, VariableKind

_BINARY = {
    "BIT_AND": Operator.BIT_AND,
    "BIT_OR": Operator.BIT_OR,
    "BIT_XOR": Operator.BIT_XOR,
    "LOGIC_AND": Operator.AND,
    "LOGIC_OR": Operator.OR,
    "EQUAL": Operator.EQUAL,
    "NOT_EQUAL": Operator.NOT_EQUAL,
    "LESS": Operator.LESS,
    "LESS_EQUAL": Operator.LESS_EQUAL,
    "GREATER": Operator.GREATER,
    "GREATER_EQUAL": Operator.GREATER_EQUAL,
    "SHIFT_LEFT": Operator.SHIFT_LEFT,
    "SHIFT_RIGHT": Operator.SHIFT_RIGHT,
    "ADD": Operator.ADD,
    "SUB": Operator.SUBTRACT,
    "MUL": Operator.MULTIPLY,
    "DIV": Operator.DIVIDE,
}
_BOOLEAN = {"BIT_AND": Operator.AND, "BIT_OR": Operator.OR, "BIT_XOR": Operator.NOT_EQUAL}


class Names:
    """What the names in an expression stand for.

    Args:
        clbits: Classical bits of the circuit that holds the expression -> those of the whole circuit.
        column: Column of a bit of the whole circuit.
        variable: Real-time variable of a classical variable.
        place: Where the expression stands, for messages.
    """

    def __init__(
        self, clbits: Mapping[Clbit, Clbit], column: Callable[[Clbit], int], variable: Callable[[Any], int], place: str
    ) -> None:
        self.clbits, self.column, self.variable, self.place = clbits, column, variable, place

    def bits(self, target: Clbit | ClassicalRegister) -> Expression:
        """The number in a bit or a register."""
        bits = [target] if isinstance(target, Clbit) else list(target)
        return Bits(tuple(self.column(self.clbits[bit]) for bit in bits))

    def condition(self, condition: Any) -> Expression:
        """A condition: an expression, or the older pair (bit or register, value)."""
        if isinstance(condition, expr.Expr):
            return self.expression(condition)
        target, value = condition
        read = self.bits(target)
        if isinstance(target, Clbit):
            return read if value else Apply(Operator.NOT, (read,), VariableKind.BOOL, 1)
        return equal(read, int(value))

    def number(self, target: Any) -> Expression:
        """What a switch looks at."""
        return self.expression(target) if isinstance(target, expr.Expr) else self.bits(target)

    def expression(self, node: Any) -> Expression:
        """A classical expression.

        Raises:
            NotNative: If it has parts that are only known after compilation (durations, stretches).
        """
        if isinstance(node, expr.Var):
            if isinstance(node.var, Clbit | ClassicalRegister):
                return self.bits(node.var)
            return Read(self.variable(node))
        if isinstance(node, expr.Value) and isinstance(node.value, bool | int | float):
            return Constant(node.value)
        if isinstance(node, expr.Index):
            return Apply(Operator.INDEX, (self.expression(node.target), self.expression(node.index)), VariableKind.BOOL, 1)
        if isinstance(node, expr.Cast):
            return Apply(Operator.CAST, (self.expression(node.operand),), *self.kind(node.type))
        if isinstance(node, expr.Unary):
            operator = {"LOGIC_NOT": Operator.NOT, "NEGATE": Operator.NEGATE}.get(node.op.name, Operator.BIT_NOT)
            if operator is Operator.BIT_NOT and node.type.kind is types.Bool:
                operator = Operator.NOT
            return Apply(operator, (self.expression(node.operand),), *self.kind(node.type))
        if isinstance(node, expr.Binary):
            arguments = (self.expression(node.left), self.expression(node.right))
            operators = _BINARY | _BOOLEAN if node.type.kind is types.Bool else _BINARY
            return Apply(operators[node.op.name], arguments, *self.kind(node.type))
        raise NotNative(
            "a condition must be made of bits, variables, numbers and the usual operators", given=node, where=self.place
        )

    def kind(self, type_: Any) -> tuple[VariableKind, int]:
        """Kind and width of a classical type."""
        if type_.kind is types.Bool:
            return VariableKind.BOOL, 1
        if type_.kind is types.Uint:
            return VariableKind.UINT, int(type_.width)
        if type_.kind is types.Float:
            return VariableKind.FLOAT, 64
        raise NotNative("a classical value must be a bool, an unsigned integer or a float", given=type_, where=self.place)


def equal(left: Expression, value: int) -> Expression:
    """Whether a number has a value."""
    return Apply(Operator.EQUAL, (left, Constant(value)), VariableKind.BOOL, 1)


def either(conditions: list[Expression]) -> Expression:
    """Whether any of some conditions holds."""
    whole = conditions[0]
    for one in conditions[1:]:
        whole = Apply(Operator.OR, (whole, one), VariableKind.BOOL, 1)
    return whole
