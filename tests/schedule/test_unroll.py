from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Apply,
    Assign,
    Bits,
    Constant,
    Operator,
    Read,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Variable,
    VariableKind,
    While,
    unroll,
)

VALUES = np.array([0.5, 1.0, 40.0, 0.0])


def test_a_branch_plays_one_arm_and_a_loop_every_turn(schedule: Schedule) -> None:
    one, zero = unroll(schedule, VALUES, {0: True}), unroll(schedule, VALUES)
    assert one.rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 8]
    assert zero.rows.tolist() == [0, 1, 3, 4, 5, 6, 6, 6, 7, 8]
    assert one.duration == zero.duration == 640 + 32 + 192 + 40 + 96 + 650
    assert one.events["start"][one.rows == 6].tolist() == [904, 936, 968]


def test_a_variable_turns_the_plays_after_its_assignment(schedule: Schedule) -> None:
    one, zero = unroll(schedule, VALUES, {0: True}), unroll(schedule, VALUES)
    assert one.events["phase"][one.rows == 3] == pytest.approx([0.1 + 0.5 + 0.7])
    assert zero.events["phase"][zero.rows == 3] == pytest.approx([0.1 + 0.5])
    assert one.variables == pytest.approx([0.7])
    assert one.bits.tolist() == [True, False]


def test_values_must_be_given(schedule: Schedule) -> None:
    with pytest.raises(ScheduleError, match="with 4 slots must be given their values"):
        unroll(schedule)


def counting(ramsey: Schedule, *body: object) -> Schedule:
    return replace(
        ramsey,
        slots=(),
        variables=(Variable("i", VariableKind.UINT, 2), Variable("b", VariableKind.BOOL, 1)),
        body=(Rows((Shots(body),)),),  # type: ignore[arg-type]
    )


def test_a_counter_counts_and_wraps_at_its_width(ramsey: Schedule) -> None:
    assert unroll(counting(ramsey, Repeat(3, (), 0))).variables.tolist() == [2, 0]
    assert unroll(counting(ramsey, Repeat(6, (), 0))).variables.tolist() == [1, 0]
    assert unroll(counting(ramsey, Assign(1, Constant(7)))).variables.tolist() == [0, 1]


def test_a_loop_with_a_condition_ends_or_faults(ramsey: Schedule) -> None:
    step = Assign(0, Apply(Operator.ADD, (Read(0), Constant(1)), VariableKind.UINT, 2))
    small = Apply(Operator.LESS, (Read(0), Constant(3)), VariableKind.BOOL, 1)
    assert unroll(counting(ramsey, While(small, (step,), 3))).variables[0] == 3
    with pytest.raises(ScheduleError, match="end after at most 2 turns"):
        unroll(counting(ramsey, While(small, (step,), 2)))


def test_the_last_capture_of_a_column_wins(ramsey: Schedule) -> None:
    events = ramsey.events[[3]]
    once = replace(counting(ramsey), events=events, body=(Rows((Shots((ramsey.realtime[0],)),)),))
    assert Bits((0,)).columns == (0,)
    assert unroll(once, None, {0: True}).bits.tolist() == [True]


def test_each_capture_may_measure_another_bit(schedule: Schedule) -> None:
    herald = schedule.realtime[0]
    again = replace(schedule, events=schedule.events[:2], body=(Rows((Shots((While(Bits((0,)), (herald,), 9),)),)),))
    first = replace(again, body=(Rows((Shots((herald, *again.realtime)),)),))
    assert len(unroll(first, VALUES, {0: [True, True, False]}).events) == 6
    with pytest.raises(ScheduleError, match=r"each capture into a column must be given its bit; got 2 bits .*herald, capture 3"):
        unroll(first, VALUES, {0: [True, True]})
    with pytest.raises(ScheduleError, match="at most 9 turns"):
        unroll(first, VALUES, {0: True})
