"""Which sequencer plays what."""

from __future__ import annotations

from fractions import Fraction

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Builder, Column, Output, PortKind, Schedule
from qpu_bridge.schedule.shapes import constant, gaussian
from qpu_bridge.units import Clock
from qpu_drivers.qblox.allocation import Allocation, allocate
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.lab import LO, RACK, Lab

OFFSETS = [4 * 10**7 * k for k in (1, -2, 3, 4, 5, -6, 7)]


def allocated(schedule: Schedule) -> Allocation:
    return allocate(schedule, Rack.read(RACK, "lab"))


def read(lab: Lab, start: int, at: int) -> None:
    """A tone and a window of the first qubit, at given ticks."""
    tone, window = lab.readout[0]
    lab.build.play(tone, constant(400), at=start)
    lab.build.capture(window, lab.build.column(Column("c", output=Output.IQ)), 100, at=at)
    lab.build.wait(400)


def test_each_carrier_has_a_sequencer_and_a_capture_shares_that_of_its_tone() -> None:
    lab = Lab(OFFSETS)
    for frame in lab.drive:
        lab.build.play(frame, gaussian(20, 5))
    lab.measure(*(lab.build.column(Column(f"c{k}", output=Output.IQ)) for k in range(3)))
    found = allocated(lab.build.build())
    assert [one.place for one in found.sequencers] == [(2, 0), (2, 1), (2, 2), (4, 0), (4, 1), (6, 0), (8, 0)]
    for tone, window in lab.readout:
        assert found.of_frame[tone] == found.of_frame[window]
    assert {one.oscillator for one in found.sequencers if one.place[0] == 2} == {LO["d0"], LO["d1"]}
    assert all(one.time_of_flight == 152 for one in found.sequencers if one.input is not None)


@pytest.mark.parametrize("at", [0, 3, 248, 252])
def test_a_window_that_opens_within_a_tone_shares(at: int) -> None:
    lab = Lab(OFFSETS)
    read(lab, 0, at)
    assert len(allocated(lab.build.build()).sequencers) == 1


@pytest.mark.parametrize("apart", [-3, 0, 3])
def test_a_window_that_opens_with_its_tone_has_a_sequencer_of_its_own(apart: int) -> None:
    lab = Lab(OFFSETS)
    read(lab, 152 + 10 + apart, 10)
    lab.build.wait(200)
    found = allocated(lab.build.build())
    assert [(one.place, one.output is None, one.input is None) for one in found.sequencers] == [
        ((4, 0), False, True),
        ((4, 1), True, False),
    ]


def build(*lines: tuple[str, PortKind], carriers: int = 1) -> Schedule:
    made = Builder(Clock(Fraction(1, 10**9)))
    for name, kind in lines:
        port = made.port(name, kind)
        for k in range(carriers):
            frame = made.frame(f"{name}{k}", port, 0.0 if kind is PortKind.FLUX else 5e9 + 1e6 * k)
            if kind is PortKind.ACQUIRE:
                made.capture(frame, made.column(Column(name, output=Output.IQ)), 100)
            else:
                made.play(frame, constant(100))
    return made.build()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([("d9", PortKind.DRIVE)], "must be wired"),
        ([("a0", PortKind.DRIVE)], "wired to an output"),
        ([("d0", PortKind.ACQUIRE)], "wired to an input"),
        ([("d0", PortKind.FLUX)], "one baseband output"),
        ([("f0", PortKind.DRIVE)], "I/Q pair"),
    ],
)
def test_lines_that_are_not_wired_as_their_kind_asks(lines: list[tuple[str, PortKind]], words: str) -> None:
    with pytest.raises(ScheduleError, match=words):
        allocated(build(*lines))


def test_a_seventh_carrier_of_a_module() -> None:
    allocated(build(("d0", PortKind.DRIVE), carriers=6))
    with pytest.raises(ScheduleError, match="6 sequencers"):
        allocated(build(("d0", PortKind.DRIVE), carriers=7))
