from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from qpu_bridge.schedule import NONE, Schedule
from qpu_bridge.schedule.check.place import place
from qpu_bridge.units import Clock


def test_an_event_is_named_by_port_frame_tick_and_column(schedule: Schedule) -> None:
    assert place(schedule, 0) == "play on port m0, frame r0, at tick 0, event 0"
    assert place(schedule, 1) == "capture on port a0, frame s0, at tick 20, event 1, column herald"


def test_each_event_knows_its_block(schedule: Schedule) -> None:
    assert schedule.block_of_event.tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 4]


def test_an_event_lasts_as_many_samples_as_its_waveform(schedule: Schedule) -> None:
    assert schedule.samples.tolist() == [240, 200, 32, 32, 40, 160, 32, 240, 200]


def test_a_bare_window_holds_as_many_whole_samples_as_fit(schedule: Schedule) -> None:
    events = schedule.events[[1]].copy()
    events["waveform"] = NONE
    for dt, samples in ((Fraction(1, 10**9), 200), (Fraction(3, 10**9), 66), (Fraction(1, 307_200_000), 61)):
        ports = (*schedule.ports[:3], replace(schedule.ports[3], clock=Clock(dt)))
        assert replace(schedule, events=events, ports=ports).samples.tolist() == [samples]
    events["duration"] = 2**62
    ports = (*schedule.ports[:3], replace(schedule.ports[3], clock=Clock(Fraction(7, 10**9))))
    assert replace(schedule, events=events, ports=ports).samples.tolist() == [2**62 // 7]
