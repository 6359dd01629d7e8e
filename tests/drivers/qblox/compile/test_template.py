"""Loops of axes, shots and rows, and what no sequencer can play."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Column, Output, Schedule, SlotKind, Table, Waveform
from qpu_bridge.schedule.shapes import constant, cosine_square, drag, gaussian
from qpu_bridge.units import Clock
from qpu_drivers.qblox.compile import compile_schedule
from tests.drivers.qblox.oracle.expected import emitted
from tests.drivers.qblox.oracle.judge import TOLERANCE, captures, compiled, perform, worst
from tests.drivers.qblox.oracle.lab import LO, Lab

OFFSETS = [4 * 87_654_321, 4 * -123_456_789, 4 * 55_000_000, 4 * 203_000_000, 4 * -211_000_000, 4 * 150_000_000, 4 * 77_000_001]
RENDERED = 500_000
X = drag(40, 10, 0.7)


def hold(schedule: Schedule, table: Table, shots: int, rep_delay: int) -> list[int]:
    """Play it, and hold its samples and acquisitions against the schedule; numbers of lines."""
    piece = compiled(schedule, table, shots, rep_delay)
    render_ns = min(piece.program.duration, RENDERED)
    got = perform(piece, render_ns)
    assert not got.flags
    assert worst(piece, got, emitted(schedule, table, shots, rep_delay, LO), render_ns) < TOLERANCE
    assert {key: times for key, times in got.acquired.items() if times} == captures(piece)
    return [one.text.count("\n") for one in piece.program.sequencers]


def zeros(schedule: Schedule) -> Table:
    return Table(np.zeros((1, len(schedule.slots))))


def sweep(levels: int, frequencies: int) -> Schedule:
    lab = Lab(OFFSETS)
    build = lab.build
    level = build.sweep(SlotKind.AMPLITUDE, start=-0.45, step=0.009, count=levels)
    build.set_frequency(lab.drive[0], build.sweep(SlotKind.FREQUENCY, start=-20e6, step=123456.789, count=frequencies))
    build.play(lab.drive[0], X, amplitude=level, phase=0.4)
    lab.measure(build.column(Column("c", output=Output.IQ, average=True)))
    return build.build()


def test_ten_thousand_points_are_one_short_program() -> None:
    lines = hold(sweep(12, 11), Table(np.zeros((1, 2))), 2, 1500)
    large = compiled(sweep(100, 100), Table(np.zeros((1, 2))), 2, 1500).program
    assert [one.text.count("\n") for one in large.sequencers] == lines
    assert max(lines) <= 50
    assert large.sequencers[1].acquisitions == (10_000,)


@pytest.mark.parametrize("order", ["sequential", "cyclic"])
def test_every_kind_of_slot_in_nested_axes(order: str) -> None:
    lab = Lab(OFFSETS)
    build = lab.build
    outer, middle, inner = build.axis(5), build.axis(4), build.axis(3)
    wait, phase = outer.sweep(SlotKind.DURATION, 0, 7), outer.sweep(SlotKind.PHASE, 0.1, 1.1)
    level, shift = middle.sweep(SlotKind.AMPLITUDE, 0.1, 0.07), inner.sweep(SlotKind.FREQUENCY, -1e6, 0.7e6)
    columns = [build.column(Column(f"c{k}", output=Output.IQ, average=bool(k))) for k in range(2)]
    build.set_frequency(lab.drive[1], shift)
    build.play(lab.drive[0], X, amplitude=level, phase=0.4)
    build.play(lab.drive[0], constant(140), amplitude=level, phase=0.4)
    build.wait(wait)
    build.play(lab.drive[0], gaussian(40, 10), amplitude=0.3, phase=phase)
    build.play(lab.drive[1], gaussian(40, 10), amplitude=0.3, phase=phase)
    build.play(lab.flux, cosine_square(300, 30), amplitude=level)
    lab.measure(*columns)
    schedule = build.build(order=order)  # type: ignore[arg-type]
    hold(schedule, zeros(schedule), 2, 3000)


def test_rows_with_waits_frequencies_and_a_long_pause() -> None:
    lab = Lab(OFFSETS)
    build, frame = lab.build, lab.drive[0]
    phase, level, wait = (build.slot(kind) for kind in (SlotKind.PHASE, SlotKind.AMPLITUDE, SlotKind.DURATION))
    build.play(frame, X, amplitude=0.3, phase=phase)
    build.set_frequency(frame, LO["d0"] - 123.456e6)
    build.play(frame, X, amplitude=level, phase=0.3)
    build.wait(wait)
    build.play(frame, X, amplitude=level, phase=0.3)
    lab.measure(None, build.column(Column("c", output=Output.IQ)))
    build.wait(100)
    table = Table(np.array([[0.3, 0.1, 4], [2.3, -0.4, 100], [1.0, 0.4, 70_000]]))
    hold(build.build(), table, 2, 80_000)


@pytest.mark.parametrize("changing", [False, True])
def test_loops_in_real_time(changing: bool) -> None:
    lab = Lab(OFFSETS)
    build, frame = lab.build, lab.drive[0]
    with build.repeat(3):
        build.play(frame, X, amplitude=0.3, phase=0.3)
        with build.repeat(2):
            build.play(lab.drive[1], constant(200), amplitude=0.3, phase=0.3)
    if changing:
        build.set_frequency(frame, LO["d0"] - 123.456e6)
        build.play(frame, X, amplitude=0.2)
    hold(build.build(), Table.single(), 2, 2000)


def test_only_the_last_turn_of_a_loop_is_kept() -> None:
    lab = Lab(OFFSETS)
    build = lab.build
    with build.repeat(3):
        lab.measure(build.column(Column("c", output=Output.IQ)))
        build.wait(400)
    piece = compiled(build.build(), Table.single(), 2, 2000)
    (site,) = piece.program.sites
    bins = [where for _, where in perform(piece, 10).acquired[site.place, 0]]
    assert bins == [2, 2, 0, 2, 2, 1]
    assert piece.program.sequencers[0].acquisitions == (3,)


def wide(lab: Lab) -> None:
    axis = lab.build.axis(3)
    for k in range(40):
        lab.build.play(lab.drive[0], X, phase=axis.sweep(SlotKind.PHASE, 0.1 * k, 0.2))


def far(lab: Lab) -> None:
    lab.build.set_frequency(lab.drive[0], LO["d0"] + 501e6)
    lab.build.play(lab.drive[0], X)


def near(lab: Lab) -> None:
    lab.build.play(lab.drive[0], X, at=0)
    lab.build.play(lab.drive[3], X, at=0)
    lab.build.play(lab.drive[0], constant(3), at=40)
    lab.build.play(lab.drive[0], X, at=43)


def long(lab: Lab) -> None:
    for k in range(5600):
        lab.build.play(lab.drive[0], X, amplitude=0.3 + 1e-4 * (k % 90), phase=0.1 * k)


def loud(lab: Lab) -> None:
    lab.build.play(lab.drive[0], X, amplitude=lab.build.sweep(SlotKind.AMPLITUDE, 0.0, 0.3, 5))


def full(lab: Lab) -> None:
    rng = np.random.default_rng(1)
    for _ in range(17):
        lab.build.play(lab.drive[0], Waveform.of(rng.uniform(-0.7, 0.7, 1000)))


def turned(lab: Lab) -> None:
    tone, window = lab.readout[0]
    for at in (0, 200):
        lab.build.play(tone, constant(200), phase=lab.build.slot(SlotKind.PHASE), at=at)
    lab.build.capture(window, lab.build.column(Column("c", output=Output.IQ)), 300, at=40)
    lab.build.wait(200)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (wide, r"64 registers.*port d0"),
        (far, r"within 500 MHz.*port d0"),
        (near, r"at least 4 ns apart; got 3 ns \(port d0, event \d, tick 43"),
        (long, r"at most 16384 instructions.*port d0"),
        (loud, r"within full scale.*1\.2.*port d0"),
        (full, r"must not take more than 16384 samples in 1024 entries.*port d0, tick 16000"),
        (turned, r"play within an acquisition.*port m0/a0, event 2, tick 200"),
    ],
)
def test_what_no_sequencer_plays(write: Callable[[Lab], None], words: str) -> None:
    lab = Lab(OFFSETS)
    write(lab)
    schedule = lab.build.build()
    with pytest.raises(ScheduleError, match=words):
        compiled(schedule, zeros(schedule), 1, 200_000)


def test_another_clock() -> None:
    lab = Lab(OFFSETS)
    lab.build.play(lab.drive[0], X)
    slower = replace(lab.build.build(), clock=Clock(Fraction(1, 5 * 10**8)))
    with pytest.raises(ScheduleError, match="must be of 1 ns"):
        compile_schedule(slower, None, None)  # type: ignore[arg-type]


def test_bins_of_a_module() -> None:
    lab = Lab(OFFSETS)
    lab.measure(*(lab.build.column(Column(f"c{k}", output=Output.IQ)) for k in range(2)))
    lab.build.wait(200)
    schedule = lab.build.build()
    compiled(schedule, Table.single(), 1_500_000, 20_000)
    with pytest.raises(ScheduleError, match=r"3000000 bins.*slot 4"):
        compiled(schedule, Table.single(), 1_500_001, 20_000)


def test_a_window_that_is_open_when_the_next_shot_begins() -> None:
    lab = Lab(OFFSETS)
    lab.measure(lab.build.column(Column("c", output=Output.IQ)))
    schedule = lab.build.build()
    compiled(schedule, Table.single(), 2, 160)
    with pytest.raises(ScheduleError, match=r"before the next shot begins.*152 ns behind the shot.*port m0/a0"):
        compiled(schedule, Table.single(), 2, 159)
