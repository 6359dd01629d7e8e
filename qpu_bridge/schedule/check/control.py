"""Rules for real-time control: what the device can decide on, and how deep."""

from __future__ import annotations

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Repeat, While, children
from qpu_bridge.schedule.check.place import refuse_where
from qpu_bridge.schedule.check.tables import whole
from qpu_bridge.schedule.check.types import check_expression, check_variable, leads_to
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import Expression, VariableKind, asks_one_bit, kind_of
from qpu_bridge.schedule.limits import Feature, Limits
from qpu_bridge.schedule.schedule import Schedule

MOST_TURNS = 2**32
"""Turns of one real-time loop."""


def check_control(schedule: Schedule, limits: Limits) -> None:
    """Check branches, real-time loops and assignments, and what they read and write."""
    _body(schedule, limits, schedule.realtime, 0, 0)
    variable = schedule.events["phase_variable"]
    refuse_where(
        schedule,
        (variable != NONE) & (Feature.EXPRESSION not in limits.features),
        "a phase may follow a real-time variable only on a device with the feature expression",
        lambda row: schedule.variables[variable[row]].name,
    )


def _body(schedule: Schedule, limits: Limits, body: Body, depth: int, decisions: int) -> None:
    for block in body:
        inner = children(block)
        if inner and depth >= limits.max_nesting:
            raise ScheduleError(f"real-time control must be nested at most {limits.max_nesting} deep", given=depth + 1)
        within = decisions + isinstance(block, Branch | While)
        if within > limits.max_branch_nesting:
            raise ScheduleError(
                f"branches and loops with a condition must be nested at most {limits.max_branch_nesting} deep on this device",
                given=within,
            )
        _block(schedule, limits, block)
        for part in inner:
            _body(schedule, limits, part, depth + 1, within)


def _block(schedule: Schedule, limits: Limits, block: Block) -> None:
    if isinstance(block, Branch):
        _truth(schedule, block.condition, "condition of a branch")
        _condition(limits, block.condition, "a branch")
    elif isinstance(block, While):
        _need(limits, Feature.WHILE, "a real-time loop with a condition")
        _truth(schedule, block.condition, "condition of a loop")
        _condition(limits, block.condition, "a loop")
        if not whole(block.maximum) or not 1 <= block.maximum <= MOST_TURNS:
            raise ScheduleError("a loop with a condition must be allowed from 1 to 2**32 turns", given=block.maximum)
    elif isinstance(block, Repeat):
        _need(limits, Feature.LOOP, "a real-time loop")
        if not whole(block.count) or not 0 <= block.count <= MOST_TURNS:
            raise ScheduleError("a loop must turn a whole number of times, from 0 to 2**32", given=block.count)
        if block.variable != NONE:
            check_variable(schedule, block.variable, "counter of a loop")
            kind = schedule.variables[block.variable].kind
            if kind is not VariableKind.UINT:
                raise ScheduleError("a loop's counter must be an uint variable", given=kind.value)
    elif isinstance(block, Assign):
        _need(limits, Feature.EXPRESSION, "an assignment to a real-time variable")
        check_variable(schedule, block.variable, "target of an assignment")
        variable = schedule.variables[block.variable]
        check_expression(schedule, block.value, f"value assigned to {variable.name}")
        kind = kind_of(block.value, schedule.variables)
        if not leads_to(kind, variable.kind):
            raise ScheduleError(
                f"a {variable.kind.value} variable must be assigned a {variable.kind.value}",
                given=kind.value,
                where=f"variable {variable.name}",
                remedy="Cast it.",
            )


def _need(limits: Limits, feature: Feature, what: str) -> None:
    if feature not in limits.features:
        have = ", ".join(sorted(limits.features)) or "none"
        raise ScheduleError(f"{what} needs a device with the feature {feature.value}", given=f"features {have}")


def _condition(limits: Limits, condition: Expression, what: str) -> None:
    if Feature.EXPRESSION in limits.features:
        return
    if not asks_one_bit(condition):
        _need(limits, Feature.EXPRESSION, f"{what} on more than one measured bit")
    _need(limits, Feature.BRANCH, f"{what} on a measured bit")


def _truth(schedule: Schedule, condition: Expression, where: str) -> None:
    check_expression(schedule, condition, where)
    kind = kind_of(condition, schedule.variables)
    if kind is not VariableKind.BOOL:
        raise ScheduleError("a condition must be a bool", given=kind.value, where=where, remedy="Compare it with a number.")
