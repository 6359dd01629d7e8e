from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Apply,
    Assign,
    Bits,
    Block,
    Branch,
    Column,
    Constant,
    Discriminator,
    Feature,
    Limits,
    Operator,
    Read,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Slot,
    SlotKind,
    SlotValue,
    Straight,
    Variable,
    VariableKind,
    While,
)
from qpu_bridge.schedule.check import check, check_table
from qpu_bridge.schedule.slot import Table

BOTH = Apply(Operator.AND, (Bits((0,)), Bits((1,))), VariableKind.BOOL, 1)
WORD = Apply(Operator.EQUAL, (Bits((0, 1)), Constant(2)), VariableKind.BOOL, 1)
NOT = Apply(Operator.NOT, (Bits((0,)),), VariableKind.BOOL, 1)


TURN = (Straight(0, 0, 8),)


def _second(ramsey: Schedule) -> NDArray[np.void]:
    """The capture once more, into column 1."""
    event = ramsey.events[3:].copy()
    event["column"], event["start"] = 1, 0
    return event


def controlled(ramsey: Schedule, *blocks: Block, bit: Column | None = None) -> Schedule:
    """The Ramsey schedule without its sweep, followed by control that may read column 0."""
    discriminator = Discriminator(0.0, 0.0)
    return replace(
        ramsey,
        columns=(bit or ramsey.columns[0], Column("c[1]", discriminator=discriminator, returned=False)),
        slots=(Slot(SlotKind.DURATION), Slot(SlotKind.VALUE)),
        variables=(Variable("angle", VariableKind.FLOAT), Variable("turn", VariableKind.UINT, 8)),
        events=np.concatenate([ramsey.events, _second(ramsey)]),
        body=(Rows((Shots((*ramsey.realtime, Straight(0, 0, 400), Straight(4, 5, 800), *blocks)),)),),
    )


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Branch(Bits(()), ()), "must read from 1 to 64 columns; got 0"),
        (Branch(Bits((2,)), ()), "a column must be one of the 2; got 2 (condition of a branch)"),
        (While(Bits((-1,)), (), 1), "a column must be one of the 2; got -1 (condition of a loop)"),
        (While(Bits((0,)), (), 0), "allowed from 1 to 2**32 turns; got 0"),
        (Repeat(-1, ()), "a whole number of times, from 0 to 2**32; got -1"),
        (Repeat(2.5, TURN), "a whole number of times, from 0 to 2**32; got 2.5"),  # type: ignore[arg-type]
        (Repeat(True, TURN), "a whole number of times"),
        (Repeat(2**32 + 1, TURN), "a whole number of times"),
        (While(Bits((0,)), TURN, 2**32 + 1), "allowed from 1 to 2**32 turns"),
        (Repeat(2, ()), "a turn of a real-time loop must take time; got 0 ticks (repeat)"),
        (While(Bits((0,)), (Branch(Bits((0,)), TURN),), 9), "a turn of a real-time loop must take time; got 0 ticks (while)"),
        (Branch(Bits((0, 1)), ()), "a condition must be a bool; got uint (condition of a branch)"),
        (While(Constant(1), TURN, 1), "a condition must be a bool; got uint (condition of a loop)"),
        (Assign(1, SlotValue(1)), "a uint variable must be assigned a uint; got float (variable turn). Cast it."),
        (Repeat(1, (), 7), "a variable must be one of the 2; got 7 (counter of a loop)"),
        (Repeat(1, (), 0), "counter must be an uint variable; got float"),
        (Assign(7, Constant(0)), "a variable must be one of the 2; got 7 (target of an assignment)"),
        (Assign(0, Read(9)), "a variable must be one of the 2; got 9 (value assigned to angle)"),
        (Assign(0, SlotValue(2)), "a slot must be one of the 2; got 2"),
        (Assign(0, SlotValue(0)), "must read slots of kind value; got duration"),
        (Assign(0, Constant(float("nan"))), "a constant must be finite"),
        (Assign(0, Apply(Operator.ADD, (Read(0),), VariableKind.FLOAT)), "operator + must have 2 arguments; got 1"),
        (Assign(0, Apply(Operator.NOT, (Read(0), Read(0)), VariableKind.BOOL, 1)), "operator ! must have 1 argument; got 2"),
    ],
)
def test_control_that_breaks_a_rule_is_refused(ramsey: Schedule, limits: Limits, block: Block, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(controlled(ramsey, block), limits)
    assert message in str(caught.value)


def test_a_bit_without_discriminator_cannot_be_read(ramsey: Schedule, limits: Limits) -> None:
    bare = replace(ramsey.columns[0], discriminator=None, returned=False)
    check(controlled(ramsey, bit=bare), limits)
    with pytest.raises(ScheduleError, match="integrated column with a discriminator"):
        check(controlled(ramsey, Branch(Bits((0,)), ()), bit=bare), limits)


@pytest.mark.parametrize(
    ("block", "feature"),
    [
        (Branch(NOT, ()), Feature.BRANCH),
        (Branch(BOTH, ()), Feature.EXPRESSION),
        (Branch(WORD, ()), Feature.EXPRESSION),
        (Assign(0, Constant(1)), Feature.EXPRESSION),
        (Repeat(2, TURN), Feature.LOOP),
        (While(Bits((0,)), TURN, 3), Feature.WHILE),
    ],
)
def test_each_kind_of_control_needs_its_feature(ramsey: Schedule, limits: Limits, block: Block, feature: Feature) -> None:
    schedule = controlled(ramsey, block)
    check(schedule, limits)
    missing = {feature, Feature.EXPRESSION} if feature is Feature.BRANCH else {feature}
    poor = limits.model_copy(update={"features": limits.features - missing})
    with pytest.raises(ScheduleError, match=f"needs a device with the feature {feature.value}"):
        check(schedule, poor)


def test_a_single_bit_needs_no_expression(ramsey: Schedule, limits: Limits) -> None:
    poor = limits.model_copy(update={"features": limits.features - {Feature.EXPRESSION}})
    check(controlled(ramsey, Branch(NOT, ())), poor)


def test_a_phase_that_follows_a_variable_needs_expressions(schedule: Schedule, limits: Limits) -> None:
    rows = schedule.events["phase_variable"] >= 0
    body = tuple(block for block in schedule.realtime if not isinstance(block, Assign))
    plain = replace(schedule, body=(Rows((Shots(body),)),))
    poor = limits.model_copy(update={"features": limits.features - {Feature.EXPRESSION}})
    with pytest.raises(ScheduleError, match=r"feature expression; got angle .*event 3"):
        check(plain, poor)
    assert rows.sum() == 2


def test_control_may_be_nested_only_so_deep(ramsey: Schedule, limits: Limits) -> None:
    schedule = controlled(ramsey, Repeat(2, (Repeat(2, (Repeat(2, TURN),)),)))
    check(schedule, limits.model_copy(update={"max_nesting": 3}))
    with pytest.raises(ScheduleError, match="at most 2 deep; got 3"):
        check(schedule, limits.model_copy(update={"max_nesting": 2}))


def test_slots_of_values_are_free(ramsey: Schedule, limits: Limits) -> None:
    schedule = controlled(ramsey, Assign(0, SlotValue(1)))
    check(schedule, limits)
    check_table(schedule, Table([[0.0, -1e9]]), limits)  # type: ignore[arg-type]


def test_branches_inside_each_other_are_bounded_apart_from_loops(schedule: Schedule, limits: Limits) -> None:
    inner = Branch(Bits((0,)), (Straight(0, 0, 9),), (Straight(0, 0, 9),))
    wait = Straight(0, 2, 800)

    def nested(*blocks: Block) -> Schedule:
        return replace(
            schedule, events=schedule.events[:2], columns=schedule.columns[:1], slots=(), body=(Rows((Shots((wait, *blocks)),)),)
        )

    one = limits.model_copy(update={"max_branch_nesting": 1})
    check(nested(Repeat(2, (inner,))), one)
    deep = nested(Branch(Bits((0,)), (Straight(0, 0, 9), inner)))
    check(deep, limits)
    with pytest.raises(ScheduleError, match="nested at most 1 deep on this device; got 2"):
        check(deep, one)
