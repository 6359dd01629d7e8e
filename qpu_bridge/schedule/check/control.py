"""Rules for real-time control: what the device can decide on, and how deep."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Repeat, While, children
from qpu_bridge.schedule.check.place import refuse_where
from qpu_bridge.schedule.column import Acquisition
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import Apply, Bits, Constant, Expression, Operator, Read, SlotValue, VariableKind, parts
from qpu_bridge.schedule.limits import Feature, Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind

_UNARY = {Operator.NOT, Operator.BIT_NOT, Operator.NEGATE, Operator.CAST}
_OF_ONE_BIT = {Operator.NOT, Operator.EQUAL, Operator.NOT_EQUAL, Operator.CAST}


def check_control(schedule: Schedule, limits: Limits) -> None:
    """Check branches, real-time loops and assignments, and what they read and write."""
    _body(schedule, limits, schedule.realtime, 0)
    variable = schedule.events["phase_variable"]
    refuse_where(
        schedule,
        (variable != NONE) & (Feature.EXPRESSION not in limits.features),
        "a phase may follow a real-time variable only on a device with the feature expression",
        lambda row: schedule.variables[variable[row]].name,
    )


def _body(schedule: Schedule, limits: Limits, body: Body, depth: int) -> None:
    for block in body:
        inner = children(block)
        if inner and depth >= limits.max_nesting:
            raise ScheduleError(f"real-time control must be nested at most {limits.max_nesting} deep", given=depth + 1)
        _block(schedule, limits, block)
        for part in inner:
            _body(schedule, limits, part, depth + 1)


def _block(schedule: Schedule, limits: Limits, block: Block) -> None:
    if isinstance(block, Branch):
        _expression(schedule, block.condition, "condition of a branch")
        _condition(limits, block.condition, "a branch")
    elif isinstance(block, While):
        _need(limits, Feature.WHILE, "a real-time loop with a condition")
        _expression(schedule, block.condition, "condition of a loop")
        _condition(limits, block.condition, "a loop")
        if block.maximum < 1:
            raise ScheduleError("a loop with a condition must be allowed at least one turn", given=block.maximum)
    elif isinstance(block, Repeat):
        _need(limits, Feature.LOOP, "a real-time loop")
        if block.count < 0:
            raise ScheduleError("a loop must not turn a negative number of times", given=block.count)
        if block.variable != NONE:
            _variable(schedule, block.variable, "counter of a loop")
            kind = schedule.variables[block.variable].kind
            if kind is not VariableKind.UINT:
                raise ScheduleError("a loop's counter must be an uint variable", given=kind.value)
    elif isinstance(block, Assign):
        _need(limits, Feature.EXPRESSION, "an assignment to a real-time variable")
        _variable(schedule, block.variable, "target of an assignment")
        _expression(schedule, block.value, f"value assigned to {schedule.variables[block.variable].name}")


def _need(limits: Limits, feature: Feature, what: str) -> None:
    if feature not in limits.features:
        have = ", ".join(sorted(limits.features)) or "none"
        raise ScheduleError(f"{what} needs a device with the feature {feature.value}", given=f"features {have}")


def _condition(limits: Limits, condition: Expression, what: str) -> None:
    if Feature.EXPRESSION in limits.features:
        return
    simple = all(
        (isinstance(part, Bits) and len(part.columns) == 1)
        or isinstance(part, Constant)
        or (isinstance(part, Apply) and part.operator in _OF_ONE_BIT)
        for part in parts(condition)
    )
    columns = {column for part in parts(condition) if isinstance(part, Bits) for column in part.columns}
    if not simple or len(columns) > 1:
        _need(limits, Feature.EXPRESSION, f"{what} on more than one measured bit")
    _need(limits, Feature.BRANCH, f"{what} on a measured bit")


def _variable(schedule: Schedule, variable: int, where: str) -> None:
    if not 0 <= variable < len(schedule.variables):
        raise ScheduleError(f"a variable must be one of the {len(schedule.variables)}", given=variable, where=where)


def _expression(schedule: Schedule, expression: Expression, where: str) -> None:
    for part in parts(expression):
        if isinstance(part, Bits):
            _bits(schedule, part, where)
        elif isinstance(part, Read):
            _variable(schedule, part.variable, where)
        elif isinstance(part, SlotValue):
            if not 0 <= part.slot < len(schedule.slots):
                raise ScheduleError(f"a slot must be one of the {len(schedule.slots)}", given=part.slot, where=where)
            kind = schedule.slots[part.slot].kind
            if kind is not SlotKind.VALUE:
                raise ScheduleError("an expression must read slots of kind value", given=kind.value, where=where)
        elif isinstance(part, Apply):
            wanted = 1 if part.operator in _UNARY else 2
            if len(part.arguments) != wanted:
                raise ScheduleError(
                    f"operator {part.operator.value} must have {wanted} argument{'s'[: wanted - 1]}",
                    given=len(part.arguments),
                    where=where,
                )
        elif not np.isfinite(part.value):
            raise ScheduleError("a constant must be finite", given=part.value, where=where)


def _bits(schedule: Schedule, bits: Bits, where: str) -> None:
    if not bits.columns:
        raise ScheduleError("an expression must read at least one column", given="none", where=where)
    for column in bits.columns:
        if not 0 <= column < len(schedule.columns):
            raise ScheduleError(f"a column must be one of the {len(schedule.columns)}", given=column, where=where)
        there = schedule.columns[column]
        if there.acquisition is not Acquisition.INTEGRATED or there.discriminator is None:
            raise ScheduleError(
                "a bit read in real time must come from an integrated column with a discriminator",
                given=f"column {there.name}: {there.acquisition.value}, discriminator {there.discriminator}",
                where=where,
            )
