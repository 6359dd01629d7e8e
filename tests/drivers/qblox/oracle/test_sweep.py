"""Ten thousand points are one program of a page or two, and each of them is what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qpu_bridge.schedule import Column, Output, Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import drag
from qpu_drivers.qblox.program import Program
from tests.drivers.qblox.oracle.expected import emitted
from tests.drivers.qblox.oracle.judge import TOLERANCE, compiled, perform, worst
from tests.drivers.qblox.oracle.lab import FREQUENCIES, LO, Lab

SIDE = 100
REP_DELAY = 1_000
SHOTS = 2
RENDERED_NS = 400_000


def plane() -> Schedule:
    """Amplitude by frequency, 100 x 100, one qubit, read out into a mean."""
    lab = Lab([4 * k * 35_000_000 for k in range(-3, FREQUENCIES - 3)])
    build, frame = lab.build, lab.drive[0]
    level = build.sweep(SlotKind.AMPLITUDE, -0.5, 0.01, SIDE)
    build.set_frequency(frame, build.sweep(SlotKind.FREQUENCY, -5e6, 1e5, SIDE))
    build.play(frame, drag(40, 10, 0.7), amplitude=level)
    lab.measure(build.column(Column("iq", output=Output.IQ, average=True)))
    return build.build()


def beginning(schedule: Schedule, count: int) -> Schedule:
    """Only the first points of the outer axis."""
    (rows,) = schedule.body
    (outer,) = rows.body
    return replace(schedule, body=(replace(rows, body=(replace(outer, count=count),)),))


def test_a_plane_of_10000_points_is_one_short_program(accepted: Callable[[Program], None]) -> None:
    schedule, table = plane(), Table(np.zeros((1, 2)))
    piece = compiled(schedule, table, SHOTS, REP_DELAY)
    accepted(piece.program)
    assert max(one.text.count("\n") for one in piece.program.sequencers) <= 200
    got = perform(piece, RENDERED_NS)
    assert not got.flags
    ((place, bins),) = ((site.place, site.bins((1, SIDE, SIDE, 1)).ravel()) for site in piece.program.sites)
    assert sorted(bins) == list(range(SIDE * SIDE))
    counts = got.acquisitions[place]["a0"]["acquisition"]["bins"]["avg_cnt"]
    assert (counts[bins] == SHOTS).all()
    times = [time for time, _ in got.acquired[place, 0]]
    assert (np.diff(times) == schedule.duration + REP_DELAY).all()

    # the first 2 x 100 points, sample by sample
    few = emitted(beginning(schedule, 2), table, SHOTS, REP_DELAY, LO)
    assert worst(piece, got, few, RENDERED_NS - 10_000) < TOLERANCE
