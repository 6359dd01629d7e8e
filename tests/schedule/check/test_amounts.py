from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Acquisition, Limits, Output, Schedule
from qpu_bridge.schedule.check import check, check_results
from qpu_bridge.schedule.check.amounts import results

POINTS = 11 * 21


@pytest.mark.parametrize(("name", "least"), [("max_events", 9), ("max_columns", 2)])
def test_a_program_must_not_be_too_large(schedule: Schedule, limits: Limits, name: str, least: int) -> None:
    check(schedule, limits.model_copy(update={name: least}))
    with pytest.raises(ScheduleError, match=f"at most {least - 1} .*; got {least}"):
        check(schedule, limits.model_copy(update={name: least - 1}))


@pytest.mark.parametrize(
    ("fields", "per_point"),
    [
        ({}, 2 * 100),
        ({"output": Output.BIT}, 100),
        ({"average": True}, 100 + 1),
        ({"average": True, "output": Output.IQ}, 1),
        ({"acquisition": Acquisition.RAW}, 200 * 100),
        ({"acquisition": Acquisition.RAW, "average": True}, 200),
        ({"returned": False}, 0),
    ],
)
def test_results_are_counted(schedule: Schedule, fields: dict[str, Any], per_point: int) -> None:
    columns = (schedule.columns[0], replace(schedule.columns[1], **fields))
    assert results(replace(schedule, columns=columns), rows=3, shots=100) == 3 * POINTS * per_point


def test_a_run_must_stay_within_its_limits(schedule: Schedule, limits: Limits) -> None:
    check_results(schedule, 21, 100, limits)
    with pytest.raises(ScheduleError, match="return at most 1000000 numbers; got 1016400"):
        check_results(schedule, 22, 100, limits)
    for rows, shots, message in (
        (0, 1, "at least one of its rows; got 0"),
        (1, 0, "at least one of its shots; got 0"),
        (6, 1, "at most 5 rows; got 6"),
        (1, 8, "at most 7 shots; got 8"),
    ):
        with pytest.raises(ScheduleError, match=message):
            check_results(schedule, rows, shots, limits.model_copy(update={"max_rows": 5, "max_shots": 7}))
