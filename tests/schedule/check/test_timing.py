from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Assign,
    Bits,
    Block,
    Branch,
    Constant,
    Limits,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Slot,
    SlotKind,
    Straight,
    Table,
    Variable,
    VariableKind,
    While,
)
from qpu_bridge.schedule.check import check, check_table

WithPort = Callable[..., Limits]
BIT = Bits((0,))


def measure(schedule: Schedule, wait: int) -> Straight:
    """The heralding measurement (capture from tick 20 to 220) and a wait after its end."""
    return Straight(0, 2, 240 + wait)


def of(schedule: Schedule, *blocks: Block) -> Schedule:
    return replace(
        schedule,
        events=schedule.events[:2],
        columns=schedule.columns[:1],
        slots=(Slot(SlotKind.DURATION),),
        variables=(Variable("angle", VariableKind.FLOAT),),
        body=(Rows((Shots(blocks),)),),
    )


@pytest.mark.parametrize(
    "reader",
    [
        Branch(BIT, ()),
        While(BIT, (Straight(0, 0, 9),), 2),
        Assign(0, BIT),
        Repeat(2, (Branch(BIT, ()), Straight(0, 0, 9))),
        Branch(BIT, (), (Branch(BIT, ()),)),
    ],
)
def test_a_bit_must_not_be_read_before_the_latency_has_passed(schedule: Schedule, limits: Limits, reader: Block) -> None:
    check(of(schedule, measure(schedule, 344), reader), limits)
    with pytest.raises(ScheduleError, match=r"must wait 364 ticks .*; got 363 ticks \(column herald\)"):
        check(of(schedule, measure(schedule, 343), reader), limits)


def test_the_shorter_of_two_paths_counts(schedule: Schedule, limits: Limits) -> None:
    first = measure(schedule, 344)
    fork = Branch(BIT, (measure(schedule, 344),), (measure(schedule, 100),))
    with pytest.raises(ScheduleError, match="got 120 ticks"):
        check(of(schedule, first, fork, Branch(BIT, ())), limits)


def test_a_second_turn_of_a_loop_meets_the_captures_of_the_first(schedule: Schedule, limits: Limits) -> None:
    turn = (Branch(BIT, ()), measure(schedule, 100))
    check(of(schedule, Repeat(1, turn)), limits)
    with pytest.raises(ScheduleError, match=r"a branch must wait .* got 120 ticks"):
        check(of(schedule, Repeat(2, turn)), limits)
    with pytest.raises(ScheduleError, match=r"a loop must wait .* got 120 ticks"):
        check(of(schedule, While(BIT, (measure(schedule, 100),), 3)), limits)


def test_a_swept_wait_counts_with_its_shortest(schedule: Schedule, limits: Limits) -> None:
    swept = of(schedule, measure(schedule, 300), Straight(0, 0, 44, 0), Branch(BIT, ()))
    check(swept, limits)
    check_table(swept, Table(np.array([[0.0], [5.0]])), limits)
    with pytest.raises(ScheduleError, match="got 358 ticks"):
        check_table(swept, Table(np.array([[0.0], [-6.0]])), limits)


def test_captures_at_one_carrier_keep_apart(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    twice = of(schedule, measure(schedule, 59), measure(schedule, 59))
    with pytest.raises(ScheduleError, match=r"start at least 300 ticks apart; got 299 ticks \(capture on port a0, frame s0"):
        check(twice, limits)
    check(of(schedule, measure(schedule, 60), measure(schedule, 60)), limits)
    close = np.concatenate([schedule.events[:2], schedule.events[1:2]])
    close["start"][2] = 250
    together = replace(of(schedule, Straight(0, 3, 700)), events=close)
    with pytest.raises(ScheduleError, match="got 230 ticks"):
        check(together, limits)
    check(together, with_port(limits, "a0", min_separation=230))


def test_a_shot_must_not_be_too_long(schedule: Schedule, limits: Limits) -> None:
    most = limits.model_copy(update={"max_duration": 1000})
    check(of(schedule, Straight(0, 2, 240), While(BIT, (Straight(0, 0, 380),), 2)), most.model_copy(update={"branch_latency": 0}))
    for block in (
        Straight(0, 0, 761),
        Repeat(3, (Straight(0, 0, 254),)),
        Branch(BIT, (), (Straight(0, 0, 761),)),
        While(BIT, (Straight(0, 0, 381),), 2),
    ):
        with pytest.raises(ScheduleError, match=r"a shot must last at most 1000 ticks; got 100[12]"):
            check(of(schedule, Straight(0, 2, 240), block), most)


def test_a_swept_shot_must_not_be_too_long(schedule: Schedule, limits: Limits) -> None:
    with pytest.raises(ScheduleError, match="at most 1809 ticks; got 1810"):
        check(schedule, limits.model_copy(update={"max_duration": 1809}))


@pytest.mark.parametrize("reader", [Branch(BIT, ()), While(BIT, (Straight(0, 0, 9),), 2), Assign(0, BIT)])
def test_a_bit_that_nothing_measured_is_not_read(schedule: Schedule, limits: Limits, reader: Block) -> None:
    with pytest.raises(ScheduleError, match="read bits that a capture before it may have written; got column herald, which none"):
        check(of(schedule, reader, measure(schedule, 400)), limits)
    in_one_arm = Branch(Constant(True), (measure(schedule, 400),))
    check(of(schedule, in_one_arm, reader), limits)


def test_a_loop_may_read_what_an_earlier_turn_measured(schedule: Schedule, limits: Limits) -> None:
    check(of(schedule, While(BIT, (measure(schedule, 400),), 3)), limits)
    check(of(schedule, Repeat(2, (Branch(BIT, ()), measure(schedule, 400)))), limits)
    with pytest.raises(ScheduleError, match="which none has"):
        check(of(schedule, Repeat(2, (Straight(0, 0, 9),)), Branch(BIT, ()), measure(schedule, 400)), limits)


def test_decisions_keep_apart(schedule: Schedule, limits: Limits) -> None:
    slow = limits.model_copy(update={"decision_ticks": 20})
    first, pause, short = measure(schedule, 400), Straight(0, 0, 20), Straight(0, 0, 19)
    arm = Branch(BIT, (), (pause,))
    test = While(BIT, (pause,), 3)
    for good in (
        (first, arm, pause, arm),
        (first, Assign(0, BIT), Assign(0, BIT), pause, arm),
        (first, test, pause, arm),
        (first, Branch(BIT, (pause,), (pause,)), arm),
        (first, Repeat(2, (arm, pause))),
    ):
        check(of(schedule, *good), slow)
    for bad, what in (
        ((first, arm, arm), "a branch"),
        ((first, arm, short, Assign(0, BIT)), "an assignment"),
        ((first, Assign(0, BIT), arm), "a branch"),
        ((first, Branch(BIT, (pause,), (short,)), arm), "a branch"),
        ((first, arm, short, test), "the test of a loop"),
        ((first, While(BIT, (short,), 3)), "the test of a loop"),
        ((first, test, arm), "a branch"),
        ((first, Repeat(2, (arm, short))), "a branch"),
        ((Assign(0, Constant(1.0)), first), "an assignment"),
    ):
        with pytest.raises(ScheduleError, match=f"{what} must come at least 20 ticks of play after the decision before it"):
            check(of(schedule, *bad), slow)


def test_arms_of_equal_length_where_the_device_needs_them(schedule: Schedule, limits: Limits) -> None:
    even = limits.model_copy(update={"equal_arms": True})
    first = measure(schedule, 400)
    check(of(schedule, first, Branch(BIT, (Straight(0, 0, 32),), (Straight(0, 0, 12), Straight(0, 0, 20)))), even)
    check(of(schedule, first, Branch(BIT, (), (Straight(0, 0, 32),))), limits)
    with pytest.raises(ScheduleError, match="both arms of a branch must last equally long on this device; got 0 and 32 ticks"):
        check(of(schedule, first, Branch(BIT, (), (Straight(0, 0, 32),))), even)
    with pytest.raises(ScheduleError, match="got 32 and an unknown number of ticks"):
        check(of(schedule, first, Branch(BIT, (Straight(0, 0, 32),), (Straight(0, 0, 32, 0),))), even)


def test_a_turn_takes_time_at_every_value_of_a_wait(schedule: Schedule, limits: Limits) -> None:
    swept = of(schedule, measure(schedule, 400), Repeat(2, (Straight(0, 0, 0, 0),)))
    check(swept, limits)
    check_table(swept, Table(np.array([[4.0]])), limits)
    with pytest.raises(ScheduleError, match="a turn of a real-time loop must take time"):
        check_table(swept, Table(np.array([[4.0], [0.0]])), limits)
