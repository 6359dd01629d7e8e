from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Limits, Schedule, Table, bind, check, row_values


def test_a_row_and_a_point_give_all_slots(schedule: Schedule) -> None:
    table = Table(np.array([[1.0, 0.5, -1, -1], [2.0, 0.25, -1, -1]]))
    assert row_values(schedule, 1, table).tolist() == [2.0, 0.25, 0.0, -1e6]
    assert row_values(schedule, 0, table, (3, 20)).tolist() == [1.0, 0.5, 60.0, 1e6]
    assert table.values[0, 2] == -1


@pytest.mark.parametrize("point", [(11,), (0, 21), (0, 0, 0), (-1,)])
def test_a_point_outside_of_the_axes_is_refused(schedule: Schedule, point: tuple[int, ...]) -> None:
    with pytest.raises(ScheduleError, match=r"within the linear axes of shape \(11, 21\)"):
        row_values(schedule, 0, Table(np.zeros((1, 4))), point)


def test_binding_adds_phases_and_frequencies_and_multiplies_amplitudes(schedule: Schedule, limits: Limits) -> None:
    bound = bind(schedule, np.array([1.0, 0.5, 40.0, 2e6]))
    before, after = schedule.events, bound.events
    assert after["phase"][3] == before["phase"][3] + 1.0
    assert after["amplitude"][5] == 0.5 * before["amplitude"][5]
    assert after["frequency"][5] == before["frequency"][5] + 2e6
    assert (after["amplitude"][:5] == before["amplitude"][:5]).all()
    assert all((after[name] == NONE).all() for name in ("phase_slot", "amplitude_slot", "frequency_slot"))
    assert bound.sweep_shape == ()
    assert bound.duration == 640 + 32 + 192 + 40 + 3 * 32 + 650
    check(bound, limits)
