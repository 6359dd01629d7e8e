from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Rows, Schedule, Shots, Straight, Sweep, Table
from qpu_bridge.schedule.check import check, check_table


@pytest.fixture
def slow(limits: Limits) -> Limits:
    """A device that waits at least 16 ticks."""
    return limits.model_copy(update={"min_wait": 16})


def swept(ramsey: Schedule, start: float, step: float) -> Schedule:
    loop = replace(ramsey.loops[1], sweeps=(Sweep(0, start, step),), body=(Shots(ramsey.realtime),))  # type: ignore[call-arg]
    return replace(ramsey, body=(Rows((loop,)),))


def test_a_swept_wait_is_none_or_long_enough(ramsey: Schedule, slow: Limits) -> None:
    for good in (swept(ramsey, 0, 16), swept(ramsey, 16, 1), swept(ramsey, 0, 0)):
        check(good, slow)
    for bad, first in ((swept(ramsey, 0, 15), 15), (swept(ramsey, 12, 4), 12), (swept(ramsey, 1601, -16), 1)):
        with pytest.raises(ScheduleError, match=rf"a wait must be 0 or at least 16 ticks; got {first}\.0 .*slot 0\)"):
            check(bad, slow)


def test_a_wait_of_a_table_is_none_or_long_enough(ramsey: Schedule, slow: Limits) -> None:
    free = replace(ramsey, body=(Rows((Shots(ramsey.realtime),)),))
    check(free, slow)
    check_table(free, Table(np.array([[0.0], [16.0], [99.0]])), slow)
    with pytest.raises(ScheduleError, match=r"a wait must be 0 or at least 16 ticks; got 15\.0"):
        check_table(free, Table(np.array([[0.0], [15.0]])), slow)


def test_a_fixed_wait_counts_where_it_stands_alone(ramsey: Schedule, slow: Limits) -> None:
    def waiting(ticks: int) -> Schedule:
        return replace(ramsey, body=(Rows((Shots((*ramsey.realtime, Straight(0, 0, ticks))),)),))

    for ticks in (0, 16):
        check(waiting(ticks), slow)
    with pytest.raises(ScheduleError, match=r"a wait must be 0 or at least 16 ticks; got 15\.0"):
        check(waiting(15), slow)
