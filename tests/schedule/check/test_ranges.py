from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Limits, Linear, Rows, Schedule, Shots, Slot, SlotKind, Sweep, Table
from qpu_bridge.schedule.check import check, check_table

WithEvent = Callable[..., Schedule]
WithPort = Callable[..., Limits]


def table(*rows: tuple[float, float]) -> Table:
    """Rows of (twirl phase, amplitude); the swept columns are ignored."""
    return Table(np.array([(phase, level, np.pi, 1e99) for phase, level in rows]))


def test_an_amplitude_above_full_scale_is_refused(schedule: Schedule, limits: Limits, with_event: WithEvent) -> None:
    with pytest.raises(ScheduleError, match=r"magnitude at most 1.0; got 1.1\d* .*port d0, frame q0, at tick 0, event 2"):
        check(with_event(schedule, 2, amplitude=-1.2), limits)


def test_a_line_may_allow_less_than_full_scale(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    with pytest.raises(ScheduleError, match=r"magnitude at most 0.5; got 0.7"):
        check(schedule, with_port(limits, "d0", max_amplitude=0.5))


def test_an_amplitude_of_a_table_is_checked_with_its_scale(schedule: Schedule, limits: Limits) -> None:
    check_table(schedule, table((0, 1.0), (np.pi, -2.0)), limits)
    with pytest.raises(ScheduleError, match=r"at most 1.0; got 1.25 .*event 5, slot 1, row 1\)"):
        check_table(schedule, table((0, 1.0), (0, -2.5)), limits)


def test_an_amplitude_of_a_linear_axis_is_checked(schedule: Schedule, limits: Limits) -> None:
    def swept(step: float) -> Schedule:
        return replace(schedule, body=(Rows((Linear((Sweep(1, 0.0, step),), 11, (Shots(schedule.realtime),)),)),))

    check(swept(0.2), limits)
    with pytest.raises(ScheduleError, match=r"at most 1.0; got 1.05 .*slot 1\)"):
        check(swept(0.21), limits)


def test_a_table_must_fit_the_slots(schedule: Schedule, limits: Limits) -> None:
    with pytest.raises(ScheduleError, match="one column for each of the 4 slots; got 0"):
        check_table(schedule, Table.single(), limits)
    with pytest.raises(ScheduleError, match=r"a multiple of 2 pi / 4, as 2 bits tell; got 0.5 \(slot 0, row 1\)"):
        check_table(schedule, table((np.pi / 2, 0), (0.5, 0)), limits)
    check_table(schedule, Table(np.zeros((0, 4))), limits)


def waiting(schedule: Schedule) -> Schedule:
    """The wait filled by the table instead of swept."""
    return replace(schedule, body=(Rows((Shots(schedule.realtime),)),))


def test_a_wait_must_be_whole_and_not_negative(schedule: Schedule, limits: Limits, with_port: WithPort) -> None:
    def waits(*ticks: float) -> Table:
        return Table(np.array([(0, 0, tick, 0) for tick in ticks]))

    check(waiting(schedule), limits)
    check_table(waiting(schedule), waits(0, 7), limits)
    with pytest.raises(ScheduleError, match=r"a whole number of ticks; got 7.5 \(slot 2, row 1\)"):
        check_table(waiting(schedule), waits(0, 7.5), limits)
    with pytest.raises(ScheduleError, match=r"must last at least 0 ticks, as its events do; got -1.0 .*slot 2, row 1\)"):
        check_table(waiting(schedule), waits(0, -1), limits)
    with pytest.raises(ScheduleError, match=r"a swept wait must be a multiple of 2 ticks; got 7.0"):
        check_table(waiting(schedule), waits(0, 7), with_port(limits, "z0", start_granularity=2))


def test_a_swept_wait_must_stay_on_the_grid(schedule: Schedule, limits: Limits) -> None:
    wait = schedule.loops[1]
    assert isinstance(wait, Linear)
    body = (Rows((replace(wait, sweeps=(replace(wait.sweeps[0], step=0.5),), body=(Shots(schedule.realtime),)),)),)
    with pytest.raises(ScheduleError, match=r"a swept wait must be a multiple of 1 ticks; got 0.5"):
        check(replace(schedule, body=body), limits)


def test_bits_are_a_hint_for_phases_only(schedule: Schedule, limits: Limits) -> None:
    assert schedule.slots[0] == Slot(SlotKind.PHASE, 2)
