"""Rules for expressions: what they read is there, and every operator gets what it is for."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.check.tables import fits, whole
from qpu_bridge.schedule.column import Acquisition
from qpu_bridge.schedule.expression import (
    Apply,
    Bits,
    Constant,
    Expression,
    Operator,
    Read,
    SlotValue,
    VariableKind,
    kind_of,
    parts,
)
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind

_UNARY = {Operator.NOT, Operator.BIT_NOT, Operator.NEGATE, Operator.CAST}
_LOGIC = {Operator.NOT, Operator.AND, Operator.OR}
_WORDS = {Operator.BIT_NOT, Operator.BIT_AND, Operator.BIT_OR, Operator.BIT_XOR, Operator.SHIFT_LEFT, Operator.SHIFT_RIGHT}
_COMPARE = {
    *(Operator.EQUAL, Operator.NOT_EQUAL, Operator.LESS),
    *(Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL),
}
_RANK = {VariableKind.BOOL: 0, VariableKind.UINT: 1, VariableKind.FLOAT: 2}


def leads_to(kind: VariableKind, wanted: VariableKind) -> bool:
    """Whether a value may stand where another type is wanted: a bool as an integer, either as a float."""
    return _RANK[kind] <= _RANK[wanted]


def check_variable(schedule: Schedule, variable: int, where: str) -> None:
    """Check that a variable is there."""
    if not whole(variable) or not 0 <= variable < len(schedule.variables):
        raise ScheduleError(f"a variable must be one of the {len(schedule.variables)}", given=variable, where=where)


def check_expression(schedule: Schedule, expression: Expression, where: str) -> None:
    """Check an expression and all of its parts.

    Raises:
        ScheduleError: On the first rule broken.
    """
    for part in parts(expression):
        if isinstance(part, Bits):
            _bits(schedule, part, where)
        elif isinstance(part, Read):
            check_variable(schedule, part.variable, where)
        elif isinstance(part, SlotValue):
            _slot(schedule, part, where)
        elif isinstance(part, Apply):
            _arity(part, where)
        else:
            _constant(part, where)
    for part in parts(expression):
        if isinstance(part, Apply):
            _operands(schedule, part, where)


def _arity(part: Apply, where: str) -> None:
    wanted = 1 if part.operator in _UNARY else 2
    if len(part.arguments) != wanted:
        raise ScheduleError(
            f"operator {part.operator.value} must have {wanted} argument{'s'[: wanted - 1]}",
            given=len(part.arguments),
            where=where,
        )
    if not fits(part.kind, part.width):
        raise ScheduleError(
            "a result must have 1 bit (bool), 64 bits (float) or 1 to 64 bits (uint)",
            given=f"{part.kind.value} of {part.width} bits",
            where=f"operator {part.operator.value} in {where}",
        )


def _operands(schedule: Schedule, part: Apply, where: str) -> None:
    if part.operator is Operator.CAST:
        return
    kinds = [kind_of(argument, schedule.variables) for argument in part.arguments]
    highest = max(kinds, key=_RANK.__getitem__)
    if part.operator in _LOGIC:
        good, must = highest is VariableKind.BOOL and part.kind is VariableKind.BOOL, "bools and give a bool"
    elif part.operator in _WORDS:
        good, must = leads_to(highest, VariableKind.UINT) and part.kind is VariableKind.UINT, "uints and give a uint"
    elif part.operator is Operator.INDEX:
        good, must = leads_to(highest, VariableKind.UINT) and part.kind is VariableKind.BOOL, "uints and give a bool"
    elif part.operator in _COMPARE:
        good, must = part.kind is VariableKind.BOOL, "numbers and give a bool"
    else:
        good = part.kind is not VariableKind.BOOL and leads_to(highest, part.kind)
        must = "uints and give a uint, or numbers and give a float"
    if not good:
        raise ScheduleError(
            f"operator {part.operator.value} must take {must}",
            given=f"{', '.join(kind.value for kind in kinds)} and {part.kind.value}",
            where=where,
            remedy="Cast the operands.",
        )


def _slot(schedule: Schedule, part: SlotValue, where: str) -> None:
    if not whole(part.slot) or not 0 <= part.slot < len(schedule.slots):
        raise ScheduleError(f"a slot must be one of the {len(schedule.slots)}", given=part.slot, where=where)
    kind = schedule.slots[part.slot].kind
    if kind is not SlotKind.VALUE:
        raise ScheduleError("an expression must read slots of kind value", given=kind.value, where=where)


def _constant(part: Constant, where: str) -> None:
    value = part.value
    if isinstance(value, float) and not np.isfinite(value):
        raise ScheduleError("a constant must be finite", given=value, where=where)
    if isinstance(value, bool | float) or (whole(value) and 0 <= value < 2**64):
        return
    raise ScheduleError(
        "a constant must be a bool, an integer from 0 to 2**64 - 1, or a float", given=str(value)[:64], where=where
    )


def _bits(schedule: Schedule, bits: Bits, where: str) -> None:
    if not bits.columns or len(bits.columns) > 64:
        raise ScheduleError("an expression must read from 1 to 64 columns", given=len(bits.columns), where=where)
    for column in bits.columns:
        if not whole(column) or not 0 <= column < len(schedule.columns):
            raise ScheduleError(f"a column must be one of the {len(schedule.columns)}", given=column, where=where)
        there = schedule.columns[column]
        if there.acquisition is not Acquisition.INTEGRATED or there.discriminator is None:
            raise ScheduleError(
                "a bit read in real time must come from an integrated column with a discriminator",
                given=f"column {there.name}: {there.acquisition.value}, discriminator {there.discriminator}",
                where=where,
            )
