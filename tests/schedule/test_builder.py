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
    SlotValue,
    Straight,
    Sweep,
    Table,
    VariableKind,
    While,
    check,
    row_values,
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


def test_a_frame_s_phase_takes_one_slot_from_where_it_is_named(build: Builder, frame: int) -> None:
    build.play(frame, constant(4))
    slot = build.slot(SlotKind.PHASE, bits=2)
    build.shift_phase(frame, slot)
    build.play(frame, constant(4))
    assert build.build().events["phase_slot"].tolist() == [NONE, 0]
    for second in (slot, build.slot(SlotKind.PHASE)):
        with pytest.raises(ScheduleError, match=r"a frame's phase takes one slot; got slot \d after slot 0 \(frame q0\)"):
            build.shift_phase(frame, second)


def test_every_layer_may_have_its_own_slot(build: Builder, frame: int) -> None:
    one, two, three = (build.slot(SlotKind.PHASE, bits=2) for _ in range(3))
    build.shift_phase(frame, 0.5)
    build.play(frame, constant(4), phase=one)
    build.play(frame, constant(4))
    build.set_phase(frame, two)
    build.play(frame, constant(4), phase=0.25)
    build.set_phase(frame, three)
    build.play(frame, constant(4))
    with pytest.raises(ScheduleError, match=r"a phase takes one slot, .*; got slot 0 on a frame with slot 2"):
        build.play(frame, constant(4), phase=one)
    events = build.build().events
    assert events["phase_slot"].tolist() == [0, NONE, 1, 2]
    assert events["phase"].tolist() == [0.5, 0.5, 0.75, 0.5]


def test_tones_of_one_line_sound_together(build: Builder, drive: int, frame: int) -> None:
    other = build.frame("q1", drive, 5.1e9)
    build.play(frame, constant(10))
    begun = build.now(frame)
    build.play(frame, constant(400), 0.2)
    build.play(other, constant(100), 0.2, at=begun)
    assert build.now(other) == 410
    column = build.column(Column("c", returned=False))
    receive = build.port("a0", PortKind.ACQUIRE)
    windows = [build.frame(f"a{k}", receive, 7e9) for k in range(2)]
    build.capture(windows[0], column, 40)
    build.capture(windows[1], build.column(Column("d", returned=False)), 40, at=0)
    build.play(frame, constant(5))
    schedule = build.build()
    assert starts(schedule) == [(0, 0), (1, 0), (1, 0), (0, 10), (0, 10), (0, 410)]
    assert schedule.duration == 415


def test_a_barrier_may_line_up_some_lines_only(build: Builder, frame: int) -> None:
    frames = [frame, *(build.frame(f"q{k}", build.port(f"d{k}", PortKind.DRIVE), 5e9) for k in (1, 2))]
    build.play(frames[0], constant(10))
    build.delay(frames[1], 4)
    build.barrier(frames[0], frames[1])
    assert [build.now(one) for one in frames] == [10, 10, 0]
    build.barrier()
    assert [build.now(one) for one in frames] == [10, 10, 10]


@pytest.mark.parametrize("ticks", [-1, 10.7, True, "4"])
def test_times_are_whole_ticks(build: Builder, frame: int, ticks: object) -> None:
    for write in (
        lambda: build.delay(frame, ticks),  # type: ignore[arg-type]
        lambda: build.wait(ticks),  # type: ignore[arg-type]
        lambda: build.play(frame, constant(4), at=ticks),  # type: ignore[arg-type]
    ):
        with pytest.raises(ScheduleError, match="must be a whole number of ticks, at least 0"):
            write()
    assert len(build.build().events) == 0


@pytest.mark.parametrize("index", [-1, 7, 0.0, True])
def test_a_handle_must_have_been_declared(build: Builder, frame: int, index: int) -> None:
    column = build.column(Column("c"))
    for write in (
        lambda: build.play(index, constant(4)),
        lambda: build.capture(index, column, 4),
        lambda: build.delay(index, 4),
        lambda: build.now(index),
        lambda: build.barrier(frame, index),
        lambda: build.shift_phase(index, 0.5),
        lambda: build.set_frequency(index, 5e9),
    ):
        with pytest.raises(ScheduleError, match=rf"a frame must be one of the 1 that were declared; got {index}"):
            write()
    with pytest.raises(ScheduleError, match="a column must be one of the 1 that were declared"):
        build.capture(frame, index, 4)
    with pytest.raises(ScheduleError, match="a variable must be one of the 0 that were declared"):
        build.assign(index, Constant(0))
    with pytest.raises(ScheduleError, match="a port must be one of the 1 that were declared"):
        build.frame("q9", index, 5e9)


def test_a_kernel_must_last_as_its_capture(build: Builder) -> None:
    receive = build.frame("a", build.port("a0", PortKind.ACQUIRE), 7e9)
    column = build.column(Column("c"))
    with pytest.raises(ScheduleError, match="a kernel must last as its capture does; got 8 and 10 samples"):
        build.capture(receive, column, 10, constant(8))


def test_sweeps_of_one_axis_step_together(build: Builder, frame: int) -> None:
    axis = build.axis(51)
    wait, turn = axis.sweep(SlotKind.DURATION, 0, 40), axis.sweep(SlotKind.PHASE, 0.0, 0.5)
    level = build.sweep(SlotKind.AMPLITUDE, 0.0, 0.1, 11)
    build.wait(wait)
    build.play(frame, constant(4), amplitude=level, phase=turn)
    schedule = build.build()
    assert schedule.sweep_shape == (51, 11)
    assert schedule.loops[1].sweeps == (Sweep(0, 0, 40), Sweep(1, 0.0, 0.5))  # type: ignore[union-attr]
    values = row_values(schedule, 0, Table(np.zeros((1, 3))), (3, 2))
    assert values.tolist() == [120, 1.5, pytest.approx(0.2)]


def test_shots_may_go_round_the_rows(build: Builder, frame: int) -> None:
    build.sweep(SlotKind.AMPLITUDE, 0.0, 0.1, 11)
    build.play(frame, constant(4))
    kinds = [type(loop).__name__ for loop in build.build().loops]
    assert kinds == ["Rows", "Linear", "Shots"]
    cyclic = build.build(order="cyclic")
    assert [type(loop).__name__ for loop in cyclic.loops] == ["Shots", "Rows", "Linear"]
    assert cyclic.sweep_shape == (11,)


def test_a_body_that_was_not_written_to_its_end_is_not_played(build: Builder, frame: int, bit: Bits) -> None:
    build.play(frame, constant(4))

    def interrupted() -> None:
        with build.branch(bit):
            build.shift_phase(frame, 0.5)
            build.play(frame, constant(8))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    build.play(frame, constant(4))
    schedule = build.build()
    assert schedule.realtime == (Straight(0, 1, 4), Straight(1, 2, 4))
    assert schedule.events["phase"].tolist() == [0, 0]


def test_an_expression_reads_a_slot_of_kind_value(build: Builder) -> None:
    assert build.value(build.slot(SlotKind.VALUE)) == SlotValue(0)
    with pytest.raises(ScheduleError, match="a slot of kind value must stand here; got phase"):
        build.value(build.slot(SlotKind.PHASE))


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
    with pytest.raises(ScheduleError, match="a frame follows one variable; got other after angle"):
        build.follow_phase(frame, build.variable("other", VariableKind.FLOAT))


def test_a_frequency_that_is_there_already_may_be_set_anywhere(build: Builder, frame: int, bit: Bits) -> None:
    with build.branch(bit):
        build.set_frequency(frame, 5e9)
        build.play(frame, constant(4))
    assert build.build().events["phase"].tolist() == [0]


def test_a_number_after_a_frequency_slot_is_refused(build: Builder, frame: int) -> None:
    build.set_frequency(frame, build.slot(SlotKind.FREQUENCY))
    with pytest.raises(ScheduleError, match=r"a frequency must not be set after a slot; got 5000000000.0 Hz \(frame q0\)"):
        build.set_frequency(frame, 5e9)


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
    build.column(Column("c", returned=False))
    build.capture(receive, 0, 10)
    odd = build.port("a1", PortKind.ACQUIRE, Clock(Fraction(2, 3 * 10**9)))
    build.capture(build.frame("k1", odd, 7e9), 0, 10)
    schedule = build.build()
    assert schedule.events["waveform"].tolist() == [NONE, 0]
    assert schedule.waveforms == (constant(10),)
    assert schedule.events["duration"].tolist() == [30, 7]


def test_what_is_built_passes_the_check(schedule: Schedule, limits: Limits) -> None:
    check(schedule, limits)


def test_of_a_body_that_was_not_written_to_its_end_nothing_is_left(build: Builder, frame: int):
    def write() -> None:
        with build.repeat(2):
            build.play_many(np.zeros(1, int), [constant(4)], *[np.zeros(1, int)] * 3, *[np.full(1, NONE)] * 2, np.zeros(1, int))
            build.wait(8)
            build.play(frame, constant(8))
            raise RuntimeError

    build.play(frame, constant(8))
    with pytest.raises(RuntimeError):
        write()
    build.play(frame, constant(12))
    assert build.build().events["duration"].tolist() == [8, 12]
