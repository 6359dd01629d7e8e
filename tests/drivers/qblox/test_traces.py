"""What is played for raw columns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Acquisition,
    Bits,
    Builder,
    Column,
    Discriminator,
    Operation,
    Output,
    PortKind,
    Schedule,
    SlotKind,
    Table,
    unroll,
)
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.units import Clock
from qpu_drivers.qblox.traces import expanded, traces, without_traces

LINE = Discriminator(0.0, 0.0)
RAW = Column("raw", acquisition=Acquisition.RAW)


class Lab:
    """A drive line and two receivers."""

    def __init__(self) -> None:
        self.build = build = Builder(Clock(Fraction(1, 10**9)))
        self.drive = build.frame("q", build.port("d", PortKind.DRIVE), 5e9)
        port = build.port("a", PortKind.ACQUIRE)
        self.receive = [build.frame(f"a{k}", port, 7e9 + 1e8 * k) for k in range(2)]

    def capture(self, receiver: int, column: Column, **more: float) -> int:
        index = self.build.column(column)
        self.build.barrier()
        self.build.capture(self.receive[receiver], index, 400, **more)
        self.build.wait(400)
        return index

    def schedule(self) -> Schedule:
        return self.build.build()


def captures(schedule: Schedule) -> list[int]:
    """Columns that are captured, in order."""
    events = schedule.events
    return events["column"][events["operation"] == Operation.CAPTURE].tolist()


def test_each_trace_has_a_schedule_in_which_nothing_else_is_captured() -> None:
    lab = Lab()
    lab.build.play(lab.drive, constant(40), 0.5)
    lab.capture(0, Column("bit", discriminator=LINE))
    lab.capture(0, RAW)
    lab.capture(1, Column("other", acquisition=Acquisition.RAW, average=True))
    schedule = lab.schedule()
    first, second = traces(schedule)
    assert [captures(one.schedule) for one in (first, second)] == [[1], [2]]
    assert [int(one.schedule.events["column"][one.event]) for one in (first, second)] == [1, 2]
    assert captures(without_traces(schedule)) == [0]
    # the pulses and their times stay
    for one in (first, second):
        assert unroll(one.schedule).duration == unroll(schedule).duration
        assert (one.schedule.events["operation"] == Operation.PLAY).sum() == 1


def test_what_a_branch_reads_is_captured_all_the_same() -> None:
    lab = Lab()
    herald = lab.capture(0, Column("herald", discriminator=LINE, returned=False))
    with lab.build.branch(Bits((herald,))):
        lab.build.play(lab.drive, constant(40), 0.5)
    with lab.build.otherwise():
        lab.build.wait(40)
    lab.capture(1, RAW)
    (one,) = traces(lab.schedule())
    assert captures(one.schedule) == [0, 1]
    assert without_traces(lab.schedule()) is None


def test_a_scope_cannot_follow_one_of_two_captures_of_a_carrier_alone() -> None:
    lab = Lab()
    herald = lab.capture(0, Column("herald", discriminator=LINE, returned=False))
    with lab.build.branch(Bits((herald,))):
        lab.build.play(lab.drive, constant(40), 0.5)
    lab.capture(0, RAW)
    with pytest.raises(ScheduleError, match="must not capture bits that branches read"):
        traces(lab.schedule())


def test_a_trace_in_a_branch_or_a_loop_is_refused() -> None:
    lab = Lab()
    with lab.build.repeat(2):
        lab.capture(0, RAW)
    with pytest.raises(ScheduleError, match="outside of branches and loops"):
        traces(lab.schedule())


def test_axes_become_rows() -> None:
    lab = Lab()
    lab.build.play(lab.drive, constant(40), 0.5, lab.build.sweep(SlotKind.PHASE, 1.0, 0.25, 3))
    lab.build.play(lab.drive, constant(40), 0.5, lab.build.slot(SlotKind.PHASE))
    lab.capture(0, RAW)
    schedule = lab.schedule()
    (one,) = traces(schedule)
    assert one.schedule.sweep_shape == ()
    table = expanded(schedule, Table(np.array([[9.0, 0.1], [9.0, 0.2]])))
    assert table.values.tolist() == [[1.0, 0.1], [1.25, 0.1], [1.5, 0.1], [1.0, 0.2], [1.25, 0.2], [1.5, 0.2]]


def test_a_trace_is_demodulated_from_the_start_of_the_shot(rng: np.random.Generator) -> None:
    """A unit line: what was sent as `conj(s e^(ip)) e^(2 pi i f t)` is `s e^(ip)`, turned back by the capture's phase."""
    lab = Lab()
    lab.build.wait(lab.build.slot(SlotKind.DURATION))
    lab.capture(0, RAW, phase=0.4)
    (one,) = traces(lab.schedule())
    wait, offset, sent = 123, 80e6, rng.normal(size=400) + 1j * rng.normal(size=400)
    times = (wait + np.arange(400) + 0.5) * 1e-9
    scope = np.conj(sent * np.exp(0.9j)) * np.exp(2j * np.pi * offset * times)
    found = one.demodulate(np.append(scope, np.zeros(50)), np.array([float(wait)]), 7e9 - offset)
    assert found.dtype == np.complex64
    assert np.allclose(found, sent * np.exp(1j * (0.9 - 0.4)), atol=1e-5)


def test_without_raw_columns_a_schedule_is_itself() -> None:
    lab = Lab()
    lab.capture(0, Column("iq", output=Output.IQ))
    schedule = lab.schedule()
    assert traces(schedule) == []
    assert without_traces(schedule) is schedule
