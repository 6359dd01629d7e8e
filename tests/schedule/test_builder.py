from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    NONE,
    Bits,
    Branch,
    Builder,
    Column,
    Constant,
    Discriminator,
    Limits,
    Linear,
    PortKind,
    Repeat,
    Schedule,
    SlotKind,
    Straight,
    VariableKind,
    While,
    check,
)
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.units import Clock

CLOCK = Clock(Fraction(1, 10**9))


@pytest.fixture
def build() -> Builder:
    return Builder(CLOCK)


@pytest.fixture
def drive(build: Builder) -> int:
    return build.port("d0", PortKind.DRIVE)


@pytest.fixture
def frame(build: Builder, drive: int) -> int:
    return build.frame("q0", drive, 5e9)


@pytest.fixture
def bit(build: Builder) -> Bits:
    return Bits((build.column(Column("c", discriminator=Discriminator(0, 0))),))


def starts(schedule: Schedule) -> list[tuple[int, int]]:
    return [(int(event["port"]), int(event["start"])) for event in schedule.events]


def test_plays_of_one_port_follow_each_other_and_ports_run_side_by_side(build: Builder, drive: int, frame: int) -> None:
    other = build.frame("q1", build.port("d1", PortKind.DRIVE), 5e9)
    build.play(frame, constant(10))
    build.play(frame, constant(5))
    build.play(other, constant(7))
    build.barrier()
    build.play(other, constant(7))
    late = build.frame("q2", build.port("d2", PortKind.DRIVE), 5e9)
    build.play(late, constant(1))
    schedule = build.build()
    assert starts(schedule) == [(0, 0), (1, 0), (0, 10), (1, 15), (2, 15)]
    assert schedule.duration == 22


def test_equal_envelopes_are_kept_once(build: Builder, frame: int) -> None:
    for _ in range(3):
        build.play(frame, constant(10))
    assert len(build.build().waveforms) == 1


def test_every_play_carries_its_resolved_phase(build: Builder, frame: int) -> None:
    build.shift_phase(frame, 0.5)
    build.play(frame, constant(4), phase=0.25)
    build.shift_phase(frame, -1.0)
    build.play(frame, constant(4))
    assert build.build().events["phase"].tolist() == [0.75, -0.5]


def test_a_phase_takes_one_slot_from_where_it_is_named(build: Builder, frame: int) -> None:
    build.play(frame, constant(4))
    slot = build.slot(SlotKind.PHASE, bits=2)
    build.shift_phase(frame, slot)
    build.play(frame, constant(4))
    assert build.build().events["phase_slot"].tolist() == [NONE, 0]
    with pytest.raises(ScheduleError, match="a frame's phase takes one slot"):
        build.shift_phase(frame, build.slot(SlotKind.PHASE))


def test_a_slot_must_be_of_the_kind_that_stands_there(build: Builder, frame: int) -> None:
    with pytest.raises(ScheduleError, match="a slot of kind amplitude must stand here; got phase"):
        build.play(frame, constant(4), amplitude=build.slot(SlotKind.PHASE))
    with pytest.raises(ScheduleError, match="a slot of kind duration must stand here"):
        build.wait(build.slot(SlotKind.PHASE))


def test_an_amplitude_is_a_number_or_a_scaled_slot(build: Builder, frame: int) -> None:
    build.play(frame, constant(4), amplitude=0.5, scale=0.5)
    build.play(frame, constant(4), amplitude=build.slot(SlotKind.AMPLITUDE), scale=0.5)
    events = build.build().events
    assert events["amplitude"].tolist() == [0.25, 0.5]
    assert events["amplitude_slot"].tolist() == [NONE, 0]


def test_a_swept_wait_is_a_block_of_its_own(build: Builder, frame: int) -> None:
    wait = build.sweep(SlotKind.DURATION, 4, 2, 5)
    build.play(frame, constant(4))
    build.wait(wait)
    build.play(frame, constant(4))
    schedule = build.build()
    assert schedule.realtime == (Straight(0, 1, 4), Straight(1, 1, 0, 0), Straight(1, 2, 4))
    assert isinstance(schedule.loops[1], Linear)
    assert schedule.sweep_shape == (5,)
    assert schedule.duration is None


def test_control_is_nested_as_it_is_written(build: Builder, frame: int, bit: Bits) -> None:
    with build.repeat(3):
        with build.branch(bit):
            build.play(frame, constant(4))
        with build.otherwise():
            build.wait(4)
    repeat = build.build().realtime[0]
    assert isinstance(repeat, Repeat)
    branch = repeat.body[0]
    assert branch == Branch(bit, (Straight(0, 1, 4),), (Straight(1, 1, 4),))


def test_a_loop_with_a_condition_is_written(build: Builder, frame: int, bit: Bits) -> None:
    with build.loop_while(bit, maximum=5):
        build.play(frame, constant(4))
    assert build.build().realtime == (While(bit, (Straight(0, 1, 4),), 5),)


def test_otherwise_needs_its_branch(build: Builder, frame: int, bit: Bits) -> None:
    def late() -> None:
        with build.otherwise():
            pass

    with pytest.raises(ScheduleError, match="must follow a branch"):
        late()
    with build.branch(bit):
        build.play(frame, constant(4))
    build.play(frame, constant(4))
    with pytest.raises(ScheduleError, match="must follow a branch"):
        late()


def test_a_virtual_z_must_not_leak_out_of_a_branch(build: Builder, frame: int, bit: Bits) -> None:
    with pytest.raises(ScheduleError, match=r"must leave a branch or loop as it came in.*\(frame q0\). Let it follow_phase"):  # noqa: SIM117
        with build.branch(bit):
            build.shift_phase(frame, 0.5)
    with build.branch(bit):
        build.shift_phase(frame, 0.5)
        build.play(frame, constant(4))
        build.shift_phase(frame, -0.5)


def test_a_frame_follows_a_float_from_where_it_is_told(build: Builder, frame: int, bit: Bits) -> None:
    angle = build.variable("angle", VariableKind.FLOAT)
    build.play(frame, constant(4))
    build.follow_phase(frame, angle)
    with build.branch(bit):
        build.assign(angle, Constant(-np.pi / 2))
    build.play(frame, constant(4))
    assert build.build().events["phase_variable"].tolist() == [NONE, angle]
    with pytest.raises(ScheduleError, match="a phase variable must be a float; got uint"):
        build.follow_phase(frame, build.variable("n", VariableKind.UINT, 8))


def test_a_frequency_needs_a_known_time(build: Builder, frame: int, bit: Bits) -> None:
    build.play(frame, constant(4))
    with pytest.raises(ScheduleError, match="a frequency slot must be set at the start of the shot; got tick 4"):
        build.set_frequency(frame, build.slot(SlotKind.FREQUENCY))
    with pytest.raises(ScheduleError, match="where the time since the start of the shot is known"), build.repeat(2):
        build.set_frequency(frame, 5.1e9)
    with build.branch(bit):
        build.play(frame, constant(4))
    with pytest.raises(ScheduleError, match="where the time since the start of the shot is known"):
        build.set_frequency(frame, 5.1e9)


def test_a_window_that_ticks_cannot_tell_gets_a_kernel(build: Builder) -> None:
    third = build.port("a0", PortKind.ACQUIRE, Clock(Fraction(3, 10**9)))
    receive = build.frame("k0", third, 7e9)
    build.capture(receive, 0, 10)
    odd = build.port("a1", PortKind.ACQUIRE, Clock(Fraction(2, 3 * 10**9)))
    build.capture(build.frame("k1", odd, 7e9), 0, 10)
    build.column(Column("c"))
    schedule = build.build()
    assert schedule.events["waveform"].tolist() == [NONE, 0]
    assert schedule.waveforms == (constant(10),)
    assert schedule.events["duration"].tolist() == [30, 7]


def test_what_is_built_passes_the_check(schedule: Schedule, limits: Limits) -> None:
    check(schedule, limits)
