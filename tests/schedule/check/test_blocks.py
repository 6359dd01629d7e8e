from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    MAX_DEPTH,
    Apply,
    Assign,
    Body,
    Constant,
    Expression,
    Limits,
    Linear,
    Operator,
    Rows,
    Schedule,
    Shots,
    SlotKind,
    Straight,
    VariableKind,
)
from qpu_bridge.schedule.check import check

Change = Callable[[Schedule], Body]


def nest(schedule: Schedule, inner: Body, first: Linear | None = None) -> Body:
    """The data loops of the fixture around another body."""
    _, wait, detune, _ = schedule.loops
    assert isinstance(wait, Linear)
    assert isinstance(detune, Linear)
    return (Rows((replace(first or wait, body=(replace(detune, body=(Shots(inner),)),)),)),)


def axis(schedule: Schedule, **fields: object) -> Body:
    wait = schedule.loops[1]
    assert isinstance(wait, Linear)
    return nest(schedule, schedule.realtime, replace(wait, **fields))  # type: ignore[arg-type]


def swept(schedule: Schedule, **fields: object) -> Body:
    """The first sweep of the axis changed."""
    wait = schedule.loops[1]
    assert isinstance(wait, Linear)
    return axis(schedule, sweeps=(replace(wait.sweeps[0], **fields),))  # type: ignore[arg-type]


def straight(schedule: Schedule, **fields: object) -> Body:
    """The first straight block changed."""
    block = schedule.realtime[0]
    return nest(schedule, (replace(block, **fields), *schedule.realtime[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.loops[0].body, "must hold Rows exactly once; got 0"),
        (lambda s: (Rows(s.body),), "must hold Rows exactly once; got 2"),
        (lambda s: nest(s, (Shots(s.realtime),)), "must hold Shots exactly once; got 2"),
        (lambda s: (Rows(s.realtime),), "must hold Shots exactly once; got 0"),
        (lambda s: (*s.body, Straight(0, 0, 4)), "nested in each other, nothing beside them"),
        (lambda s: swept(s, slot=9), "must sweep one of the 4 slots; got 9"),
        (lambda s: swept(s, slot=3), "a slot must be swept once; got slot 3"),
        (lambda s: axis(s, sweeps=()), "must sweep at least one slot; got none"),
        (lambda s: axis(s, count=0), "from 1 to 2**31 points; got 0"),
        (lambda s: axis(s, count=2.5), "from 1 to 2**31 points; got 2.5"),
        (lambda s: axis(s, count=2**31 + 1), "from 1 to 2**31 points"),
        (lambda s: swept(s, slot=0, step=0.3), "a slot of 2 bits must be swept in multiples of 2 pi / 4; got start 0, step 0.3"),
        (lambda s: swept(s, slot=0, start=0.1, step=np.pi), "a slot of 2 bits must be swept in multiples"),
        (lambda s: swept(s, slot=0, step=2e5 * np.pi), "a phase must be at most 1e+06 rad"),
        (lambda s: swept(s, step=float("nan")), "start and step by finite numbers"),
        (lambda s: straight(s, first=1), "each event must stand in one straight block; got event 0 in none"),
        (lambda s: straight(s, last=1), "each event must stand in one straight block; got event 1 in none"),
        (lambda s: straight(s, last=3), "each event must stand in one straight block; got event 2 in two"),
        (lambda s: straight(s, first=0, last=99), "must hold some of the 9 events"),
        (lambda s: nest(s, s.realtime[:-1]), "each event must stand in one straight block; got event 7 in none"),
        (lambda s: straight(s, duration=-1), "must last from 0 to 2**48 ticks; got -1"),
        (lambda s: straight(s, duration=2**70), "must last from 0 to 2**48 ticks"),
        (lambda s: straight(s, duration=640.5), "a straight block's numbers must be whole"),
        (lambda s: straight(s, duration=True), "a straight block's numbers must be whole"),
        (lambda s: straight(s, duration_slot=9), "a duration slot must be one of the 4 slots"),
        (lambda s: straight(s, duration_slot=0), "must be of kind duration; got phase"),
        (lambda s: straight(s, duration=239), "must end before its straight block does, at tick 239; got an end at tick 240"),
    ],
)
def test_a_tree_that_breaks_a_rule_is_refused(schedule: Schedule, limits: Limits, change: Change, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(replace(schedule, body=change(schedule)), limits)
    assert message in str(caught.value)


def test_events_out_of_order_are_refused(schedule: Schedule, limits: Limits) -> None:
    events = schedule.events.copy()
    events[[0, 1]] = events[[1, 0]]
    with pytest.raises(ScheduleError, match="in the order of their starts; got tick 0 after tick 20"):
        check(replace(schedule, events=events), limits)


def test_a_block_may_be_played_twice(schedule: Schedule, limits: Limits) -> None:
    check(replace(schedule, body=nest(schedule, (*schedule.realtime, schedule.realtime[0]))), limits)


def test_an_axis_that_the_device_cannot_sweep_is_refused(schedule: Schedule, limits: Limits) -> None:
    poor = limits.model_copy(update={"sweeps": frozenset({SlotKind.DURATION})})
    with pytest.raises(ScheduleError, match=r"can sweep: duration; got frequency .*rows of the table"):
        check(schedule, poor)


def test_what_is_nested_too_deep_is_refused_without_recursion(schedule: Schedule, limits: Limits) -> None:
    def deep(levels: int) -> Schedule:
        value: Expression = Constant(1.0)
        for _ in range(levels - 1):
            value = Apply(Operator.NEGATE, (value,), VariableKind.FLOAT)
        return replace(schedule, body=nest(schedule, (*schedule.realtime, Assign(0, value))))

    check(deep(MAX_DEPTH - 5), limits)  # four loops and the assignment are around it
    for levels in (MAX_DEPTH - 4, 100_000):
        with pytest.raises(ScheduleError, match="nested at most 48 deep; got 49"):
            check(deep(levels), limits)


def test_no_more_axes_than_the_device_sweeps(schedule: Schedule, limits: Limits) -> None:
    check(schedule, limits.model_copy(update={"max_axes": 2}))
    with pytest.raises(ScheduleError, match="at most 1 linear axes on this device; got 2"):
        check(schedule, limits.model_copy(update={"max_axes": 1}))
