from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Builder,
    Column,
    Limits,
    Linear,
    PortKind,
    Rows,
    Schedule,
    Shots,
    Straight,
    Sweep,
    check,
    render,
    retime,
    row_values,
    unroll,
)
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.schedule.slot import Table
from qpu_bridge.units import Clock, Rounding

NS = Clock(Fraction(1, 10**9))
HALF = Clock(Fraction(1, 2 * 10**9))
QICK = Clock(Fraction(1, 430_080_000))


def test_the_same_clock_changes_nothing(ramsey: Schedule) -> None:
    moved, residuals = retime(ramsey, ramsey.clock)
    assert moved == ramsey
    assert not residuals.any()


def test_a_finer_clock_is_exact_and_emits_the_same(ramsey: Schedule, limits: Limits) -> None:
    moved, residuals = retime(ramsey, HALF, Rounding.EXACT)
    assert not residuals.any()
    values = row_values(ramsey, 0, Table(np.zeros((1, 1))), (7,))
    twice = row_values(moved, 0, Table(np.zeros((1, 1))), (7,))
    assert twice[0] == 2 * values[0]
    for port, signal in render(ramsey, values).items():
        assert render(moved, twice)[port] == pytest.approx(signal)
    check(moved, limits.model_copy(update={"dt": HALF.dt}))


def plays(starts: list[int], length: int = 4) -> Schedule:
    build = Builder(NS)
    port = build.port("d0", PortKind.DRIVE)
    frame = build.frame("q0", port, 5e9)
    for start in starts:
        build.delay(port, start - build.now(port))
        build.play(frame, constant(length))
    return build.build()


@given(st.lists(st.integers(8, 100), min_size=1, max_size=20), st.sampled_from(list(Rounding)[:3]))
def test_a_residual_is_told_and_bounded(gaps: list[int], rounding: Rounding) -> None:
    schedule = plays(np.cumsum(gaps).tolist())
    moved, residuals = retime(schedule, QICK, rounding)
    placed = moved.events["start"] * float(QICK.dt)
    asked = schedule.events["start"] * float(NS.dt)
    assert residuals == pytest.approx(placed - asked, abs=1e-15)
    low, high = {"nearest": (-0.5, 0.5), "up": (0, 1), "down": (-1, 0)}[rounding.value]
    assert (residuals >= (low - 1e-6) * float(QICK.dt)).all()
    assert (residuals <= (high + 1e-6) * float(QICK.dt)).all()


def test_a_play_that_finds_its_frame_busy_is_pushed_and_says_so() -> None:
    moved, residuals = retime(plays([0, 4, 8, 12]), QICK)
    starts, ends = moved.events["start"], moved.events["start"] + moved.events["duration"]
    assert (starts[1:] >= ends[:-1]).all()
    assert residuals[-1] == pytest.approx(6 * float(QICK.dt) - 12e-9)


def test_errors_do_not_add_up_over_blocks() -> None:
    schedule = plays([0])
    body = tuple(Straight(0, 1, 10) if k == 0 else Straight(0, 0, 10) for k in range(100))
    moved, _ = retime(replace(schedule, body=(Rows((Shots(body),)),)), QICK)
    assert moved.duration is not None
    assert moved.duration * float(QICK.dt) == pytest.approx(1000e-9, abs=float(QICK.dt) / 2)


def test_exact_refuses_what_does_not_fit() -> None:
    with pytest.raises(ScheduleError, match="a time must fall on the new clock"):
        retime(plays([1]), Clock(Fraction(2, 10**9)), Rounding.EXACT)


def test_a_swept_wait_must_fit_the_new_clock(ramsey: Schedule) -> None:
    with pytest.raises(ScheduleError, match=r"a swept wait must be a whole number of new ticks .*; got 20 old ones"):
        retime(ramsey, QICK)
    moved, _ = retime(ramsey, Clock(Fraction(4, 10**9)))
    loop = moved.loops[1]
    assert isinstance(loop, Linear)
    assert loop.sweeps == (Sweep(0, 0, 5),)
    free = replace(ramsey, body=(Rows((Shots(ramsey.realtime),)),))
    with pytest.raises(ScheduleError, match="a wait that a table fills counts ticks of the clock it was written for; got slot 0"):
        retime(free, HALF)


def test_a_window_keeps_its_samples() -> None:
    build = Builder(NS)
    frame = build.frame("k0", build.port("a0", PortKind.ACQUIRE), 7e9)
    build.capture(frame, build.column(Column("c")), 100)
    moved, _ = retime(build.build(), QICK)
    assert moved.waveforms[moved.events["waveform"][0]] == constant(100)
    moved, _ = retime(build.build(), HALF)
    assert moved.events["waveform"][0] == -1


def test_control_is_moved_with_its_arms_and_turns(schedule: Schedule, limits: Limits) -> None:
    moved, residuals = retime(schedule, HALF, Rounding.EXACT)
    assert not residuals.any()
    values = np.array([0.0, 1.0, 40.0, 0.0])
    twice = np.array([0.0, 1.0, 80.0, 0.0])
    for bit in (False, True):
        before, after = unroll(schedule, values, {0: bit}), unroll(moved, twice, {0: bit})
        assert (after.events["start"] == 2 * before.events["start"]).all()
        assert after.variables.tolist() == before.variables.tolist()
    check(moved, limits.model_copy(update={"dt": HALF.dt}))


def test_a_block_that_is_played_twice_is_moved_once() -> None:
    schedule = plays([0, 5])
    twice = replace(schedule, body=(Rows((Shots((Straight(0, 2, 11), Straight(0, 2, 15))),)),))
    moved, residuals = retime(twice, QICK)
    assert moved.straight_blocks()[1].duration >= moved.straight_blocks()[0].duration
    assert (np.abs(residuals) < float(QICK.dt)).all()
