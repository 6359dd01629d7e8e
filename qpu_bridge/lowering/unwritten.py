"""Bits that a circuit reads before anything can have measured them: they are 0, and need not be asked of the device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import (
    Apply,
    Assign,
    Bits,
    Block,
    Body,
    Branch,
    Constant,
    Expression,
    Operator,
    Repeat,
    Straight,
    VariableKind,
    While,
    walk,
)


def settle(body: Body, columns: NDArray[np.int32]) -> Body:
    """Put constants where a bit is read that no capture can have written, so that a device is asked only for what it knows.

    Args:
        body: Blocks of one shot; straight blocks stay the objects that they are.
        columns: ``int32[events]``: column that each event writes, or NONE.
    """
    return _Settling(columns).body(body, set())


class _Settling:
    def __init__(self, columns: NDArray[np.int32]) -> None:
        self.columns = columns

    def body(self, body: Body, written: set[int]) -> Body:
        """A body with its constants; ``written`` grows by what it captures on any path."""
        return tuple([self.block(block, written) for block in body])

    def block(self, block: Block, written: set[int]) -> Block:
        if isinstance(block, Straight):
            written |= self.captured(block)
        elif isinstance(block, Assign):
            return replace(block, value=_known(block.value, written))
        elif isinstance(block, Branch):
            condition = _known(block.condition, written)
            arms = [set(written), set(written)]
            then, otherwise = self.body(block.then, arms[0]), self.body(block.otherwise, arms[1])
            written |= arms[0] | arms[1]
            return Branch(condition, then, otherwise)
        elif isinstance(block, Repeat | While):
            for inner in walk(block.body):  # an earlier turn may have written them
                written |= self.captured(inner)
            block = replace(block, body=self.body(block.body, written))
            return replace(block, condition=_known(block.condition, written)) if isinstance(block, While) else block
        return block

    def captured(self, block: Block) -> set[int]:
        if not isinstance(block, Straight):
            return set()
        there = self.columns[block.first : block.last]
        return set(there[there >= 0].tolist())


def _known(expression: Expression, written: set[int]) -> Expression:
    if isinstance(expression, Apply):
        return replace(expression, arguments=tuple([_known(argument, written) for argument in expression.arguments]))
    if not isinstance(expression, Bits) or written.issuperset(expression.columns):
        return expression
    if len(expression.columns) == 1:
        return Constant(False)
    width = len(expression.columns)
    number: Expression = Constant(0)
    for place, column in enumerate(expression.columns):
        if column in written:
            moved = Apply(Operator.SHIFT_LEFT, (Bits((column,)), Constant(place)), VariableKind.UINT, width)
            number = Apply(Operator.BIT_OR, (number, moved), VariableKind.UINT, width)
    return number
