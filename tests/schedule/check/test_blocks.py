from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Body, Limits, Linear, Rows, Schedule, Shots, SlotKind, Straight
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
        (lambda s: axis(s, slot=9), "must sweep one of the 4 slots; got 9"),
        (lambda s: axis(s, slot=3), "swept by one linear axis only; got slot 3"),
        (lambda s: axis(s, count=0), "at least one point; got 0"),
        (lambda s: axis(s, step=float("nan")), "start and step by finite numbers"),
        (lambda s: straight(s, first=1), "each event must stand in one straight block; got event 0 in none"),
        (lambda s: straight(s, last=1), "each event must stand in one straight block; got event 1 in none"),
        (lambda s: straight(s, last=3), "each event must stand in one straight block; got event 2 in two"),
        (lambda s: straight(s, first=0, last=99), "must hold some of the 9 events"),
        (lambda s: nest(s, s.realtime[:-1]), "each event must stand in one straight block; got event 7 in none"),
        (lambda s: straight(s, duration=-1), "must last from 0 to 2**48 ticks; got -1"),
        (lambda s: straight(s, duration=2**70), "must last from 0 to 2**48 ticks"),
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
