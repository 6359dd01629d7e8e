from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Rows, Schedule, Shots, Straight
from qpu_bridge.schedule.check import check

WithEvent = Callable[..., Schedule]
WithPort = Callable[..., Limits]


@pytest.mark.parametrize(
    ("port", "fields", "message"),
    [
        ("d0", {"min_duration": 33}, "must last at least 33 samples; got 32"),
        ("d0", {"max_duration": 159}, "must last at most 159 samples; got 160"),
        ("d0", {"granularity": 64}, "must last a multiple of 64 samples; got 32"),
        ("m0", {"start_granularity": 8}, "must start at a multiple of 8 ticks; got tick 10"),
        ("z0", {"start_granularity": 4}, "a straight block must last a multiple of 4 ticks"),
        ("a0", {"granularity": 16}, "must last a multiple of 16 samples; got 200"),
    ],
)
def test_events_off_the_grid_of_a_port_are_refused(
    schedule: Schedule, limits: Limits, with_port: WithPort, port: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        check(schedule, with_port(limits, port, **fields))
    assert message in str(caught.value)


def test_two_plays_of_one_frame_must_not_overlap(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    broken = with_event(schedule, 5, frame=0, start=31, frequency_slot=-1, amplitude_slot=-1, amplitude=0.1)
    with pytest.raises(ScheduleError, match=r"ends, at tick 32; got tick 31 .*frame q0, at tick 31, event 5"):
        check(broken, limits)


def together(schedule: Schedule, starts: tuple[int, int], amplitudes: tuple[float, float] = (0.4, 0.5)) -> Schedule:
    """Two carriers on the drive line, and nothing else."""
    events = schedule.events[[3, 5]].copy()
    for name in ("phase_slot", "frequency_slot", "amplitude_slot", "phase_variable"):
        events[name] = -1
    events["start"], events["amplitude"] = starts, amplitudes
    order = np.argsort(events["start"], kind="stable")
    return replace(schedule, events=events[order], body=(Rows((Shots((Straight(0, 2, 400),)),)),), slots=(), columns=())


def test_carriers_may_sound_together_only_if_the_line_can(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    chord = together(schedule, (32, 0))
    check(chord, limits)
    with pytest.raises(ScheduleError, match=r"at most 1 carrier may sound at a time on port d0; got 2 .*tick 32"):
        check(chord, with_port(limits, "d0", max_frames=1))
    check(together(schedule, (160, 0)), with_port(limits, "d0", max_frames=1))


def test_carriers_together_must_not_add_up_beyond_full_scale(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    check(together(schedule, (10, 0), (0.6, 0.6)), with_port(limits, "d0", max_sum=None))
    check(together(schedule, (0, 32), (0.6, 0.6)), limits)
    with pytest.raises(ScheduleError, match=r"add up to a magnitude of at most 1.0; got 1.1"):
        check(together(schedule, (10, 0), (0.6, 0.6)), limits)
