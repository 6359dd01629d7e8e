"""Many plays in one call: what each of them is by itself, and refused as one would be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Builder, PortKind, SlotKind
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.units import Clock

CLOCK = Clock(Fraction(1, 10**9))


@pytest.fixture
def build() -> Builder:
    one = Builder(CLOCK)
    one.frame("q0", one.port("d0", PortKind.DRIVE), 5e9)
    return one


def test_many_plays_are_what_each_of_them_is(build: Builder) -> None:
    """Beside single ones, on two lines, with and without slots."""
    draw, same = np.random.default_rng(5), Builder(CLOCK)
    same.frame("q0", same.port("d0", PortKind.DRIVE), 5e9)
    shapes = [constant(8), constant(12), constant(20)]
    for one in (build, same):
        one.frame("q1", one.port("d1", PortKind.DRIVE, Clock(Fraction(1, 2 * 10**9))), 5.1e9)
        one.shift_phase(0, 0.3)
        one.set_frequency(1, one.slot(SlotKind.FREQUENCY))
        one.play(1, shapes[1])
    assert list(build.slots([SlotKind.PHASE, SlotKind.PHASE, SlotKind.AMPLITUDE])) == [1, 2, 3]
    refs = [same.slot(kind) for kind in (SlotKind.PHASE, SlotKind.PHASE, SlotKind.AMPLITUDE)]
    frames, which, at = draw.integers(0, 2, 30), draw.integers(0, 2, 30) * 2, draw.integers(0, 200, 30)
    turned, named, swept = draw.uniform(-1, 1, 30), draw.integers(-1, 2, 30), draw.integers(0, 2, 30) > 0
    build.play_many(
        frames, shapes, which, np.ones(30), turned, np.where(swept, 3, NONE), np.where(named < 0, NONE, named + 1), at
    )
    for k in range(30):
        amplitude = refs[2] if swept[k] else 1.0
        same.play(int(frames[k]), shapes[which[k]], amplitude, refs[named[k]] if named[k] >= 0 else turned[k], at=int(at[k]))
    for one in (build, same):
        one.play(0, shapes[0])
        one.barrier()
        one.play(1, shapes[2])
    assert build.build().digest == same.build().digest


def test_many_plays_are_refused_as_one_would_be(build: Builder) -> None:
    frame, numbers = 0, np.zeros(2)
    none = np.full(2, NONE)

    def play(frames, slots, at) -> None:
        build.play_many(np.array(frames), [constant(8)], np.zeros(2, int), numbers, numbers, none, np.array(slots), np.array(at))

    with pytest.raises(ScheduleError, match="one of the 1"):
        play([frame, 1], [NONE, NONE], [0, 8])
    with pytest.raises(ScheduleError, match="at least 0"):
        play([frame, frame], [NONE, NONE], [0, -8])
    build.shift_phase(frame, build.slot(SlotKind.PHASE))
    with pytest.raises(ScheduleError, match="one slot"):
        play([frame, frame], [NONE, build.slot(SlotKind.PHASE).index], [0, 8])
    play([frame, frame], [NONE, NONE], [0, 8])
    assert build.build().events["phase_slot"].tolist() == [0, 0]
