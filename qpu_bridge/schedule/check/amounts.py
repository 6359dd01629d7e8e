"""Rules for sizes: of the template, of one shot, and of what comes back."""

from __future__ import annotations

from math import prod

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_size(schedule: Schedule, limits: Limits) -> None:
    """Check the size of the program."""
    _at_most("a schedule must hold at most {} events", limits.max_events, len(schedule.events))
    _at_most("a schedule must hold at most {} columns", limits.max_columns, len(schedule.columns))


def check_results(schedule: Schedule, rows: int, shots: int, limits: Limits) -> None:
    """Check how often a template is to be played, and how much would come back.

    Raises:
        ScheduleError: On the first limit exceeded.
    """
    for name, count in (("rows", rows), ("shots", shots)):
        if count < 1:
            raise ScheduleError(f"a run must have at least one of its {name}", given=count)
    _at_most("a run must have at most {} rows", limits.max_rows, rows, "Send them in chunks.")
    _at_most("a run must have at most {} shots", limits.max_shots, shots)
    _at_most(
        "a run must return at most {} numbers",
        limits.max_results,
        results(schedule, rows, shots),
        "Send fewer rows at a time, fewer shots, or average on the device.",
    )


def results(schedule: Schedule, rows: int, shots: int) -> int:
    """Numbers that come back: a bit, an IQ point, or a sample of a trace each count one."""
    points = rows * prod(schedule.sweep_shape)
    single = len(schedule.columns_returning("bits")) + len(schedule.columns_returning("iq"))
    averaged = len(schedule.columns_returning("mean"))
    lengths = schedule.samples
    column = schedule.events["column"]
    for kind in ("raw", "raw_mean"):
        for index in schedule.columns_returning(kind):
            trace = int(np.max(lengths[column == index], initial=0))
            single, averaged = (single + trace, averaged) if kind == "raw" else (single, averaged + trace)
    return points * (shots * single + averaged)


def _at_most(must: str, limit: int, given: int, remedy: str = "") -> None:
    if given > limit:
        raise ScheduleError(must.format(limit), given=given, remedy=remedy)
