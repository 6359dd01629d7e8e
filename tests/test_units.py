from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.units import Clock, Rounding

NS = Clock(Fraction(1, 10**9))
QICK = Clock(Fraction(1, 430_080_000))

clocks = st.sampled_from([NS, QICK, Clock(Fraction(1, 2 * 10**9)), Clock(Fraction(16, 9_584_640_000))])
seconds = st.fractions(0, Fraction(1, 1000), max_denominator=10**14)


@given(clocks, seconds, st.sampled_from([Rounding.NEAREST, Rounding.UP, Rounding.DOWN]))
def test_a_residual_stays_within_its_policy(clock: Clock, time: Fraction, rounding: Rounding) -> None:
    ticks, residual = clock.place(time, rounding)
    exact = ticks * clock.dt - time
    assert residual == pytest.approx(float(exact), abs=1e-24)
    low, high = {
        Rounding.NEAREST: (-clock.dt / 2, clock.dt / 2),
        Rounding.UP: (0, clock.dt),
        Rounding.DOWN: (-clock.dt, 0),
    }[rounding]
    assert low <= exact <= high


@given(clocks, st.integers(0, 10**9))
def test_a_tick_is_placed_on_itself_by_every_policy(clock: Clock, ticks: int) -> None:
    for rounding in Rounding:
        assert clock.place(ticks * clock.dt, rounding) == (ticks, 0.0)


def test_exact_refuses_what_is_between_two_ticks() -> None:
    with pytest.raises(ValueError, match=r"multiple of the tick 1e-09 s; got 1.5e-09 s \(1.5 ticks\)"):
        NS.place(Fraction(3, 2 * 10**9), Rounding.EXACT)


def test_a_float_is_taken_at_its_face_value() -> None:
    assert NS.place(32e-9, Rounding.EXACT) == (32, 0.0)
    assert NS.place(0.1 + 0.2, Rounding.EXACT) == (300_000_000, 0.0)


@given(clocks, st.integers(0, 10**9))
def test_a_float_that_means_a_tick_is_on_it(clock: Clock, ticks: int) -> None:
    for rounding in Rounding:
        assert clock.place(float(ticks * clock.dt), rounding) == (ticks, 0.0)


def test_a_tie_goes_to_the_even_tick() -> None:
    assert [NS.place(Fraction(half, 2 * 10**9))[0] for half in (1, 3, 5)] == [0, 2, 2]


@given(clocks, clocks, st.integers(0, 10**6))
def test_covering_is_the_least_that_covers(one: Clock, other: Clock, ticks: int) -> None:
    cover = one.ticks_covering(other, ticks)
    assert cover * one.dt >= ticks * other.dt
    assert (cover - 1) * one.dt < ticks * other.dt or not ticks


def test_a_clock_must_tick() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Clock(Fraction(0))


def test_ticks_are_seconds() -> None:
    assert NS.seconds(32) == 32e-9
