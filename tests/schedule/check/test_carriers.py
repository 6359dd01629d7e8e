from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Rows, Schedule, Shots, Table
from qpu_bridge.schedule.check import check, check_table

WithEvent = Callable[..., Schedule]
WithPort = Callable[..., Limits]


def test_a_carrier_out_of_range_is_refused(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    for frequency in (4.8e9, 5.3e9):
        with pytest.raises(ScheduleError, match=f"from 4900000000 Hz to 5200000000 Hz; got {frequency:.12g} Hz .*event 2"):
            check(with_event(schedule, 2, frequency=frequency), limits)


def test_a_swept_carrier_out_of_range_is_refused(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    check(with_event(schedule, 5, frequency=5.199e9), limits)
    with pytest.raises(ScheduleError, match=r"got 5200100000 Hz .*event 5, slot 3\)"):
        check(with_event(schedule, 5, frequency=5.1991e9), limits)


def test_a_carrier_of_a_table_out_of_range_is_refused(schedule: Schedule, limits: Limits) -> None:
    free = replace(schedule, body=(Rows((Shots(schedule.realtime),)),))
    check(free, limits)
    check_table(free, Table(np.array([[0, 0, 0, 1e8]])), limits)
    with pytest.raises(ScheduleError, match=r"got 4899000000 Hz .*slot 3, row 1\)"):
        check_table(free, Table(np.array([[0, 0, 0, 1e8], [0, 0, 0, -2.01e8]])), limits)


def test_carriers_of_one_oscillator_must_be_near(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match=r"within 100000000 Hz; got 101000000 Hz \(oscillator of port d0; highest: .*event 5"):
        check(schedule, with_port(limits, "d0", bandwidth=1e8))
    shared = with_port(with_port(limits, "d0", oscillator="lo1", bandwidth=1e9), "m0", oscillator="lo1", bandwidth=5e9)
    with pytest.raises(ScheduleError, match=r"within 1000000000 Hz; got 2000000000 Hz \(oscillator of lo1"):
        check(schedule, shared)
