from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Schedule
from qpu_bridge.schedule.check import check

WithPort = Callable[..., Limits]


def test_waveforms_must_fit_into_the_memory_of_the_line(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    check(schedule, with_port(limits, "d0", waveform_memory=32 + 33))
    with pytest.raises(ScheduleError, match=r"at most 64 samples of waveforms, a held level counted once; got 65 \(port d0\)"):
        check(schedule, with_port(limits, "d0", waveform_memory=64))
    with pytest.raises(ScheduleError, match="at most 191 samples of waveforms; got 192"):
        check(schedule, with_port(limits, "d0", waveform_memory=191, held_levels=False))


def test_kernels_take_memory_too(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match="at most 199 samples"):
        check(schedule, with_port(limits, "a0", waveform_memory=199))


def test_a_line_holds_only_so_many_waveforms(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match="at most 1 different waveforms; got 2"):
        check(schedule, with_port(limits, "d0", max_waveforms=1))


def test_a_waveform_that_nothing_plays_costs_nothing(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    spare = type(schedule.waveforms[0]).of(np.linspace(0, 1, 5000))
    check(replace(schedule, waveforms=(*schedule.waveforms, spare)), limits)
