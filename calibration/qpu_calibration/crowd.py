"""A crowd: which of some targets the device can play for side by side, and why not for the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.schedule import Limits
from qpu_bridge.schedule.check import check_once, check_table
from qpu_bridge.target import Snapshot
from qpu_calibration.page import Target
from qpu_calibration.plan import Plan
from qpu_calibration.routine import Routine, Settings


class Crowded(SettingsError):
    """Targets that the device can play for one by one, but not all together."""


def planned(
    routine: Routine[Any], targets: Sequence[Target], settings: Settings, snapshot: Snapshot, limits: Limits
) -> tuple[Plan | None, dict[Target, str]]:
    """A plan for the targets that the device can play for, and why it cannot for the others: they must not stop anybody.

    Raises:
        Crowded: If it can play for each of them, but not for all together.
    """
    try:
        plan = routine.plan(snapshot, targets, settings, limits)
        for schedule, table in plan.schedules:
            check_once(schedule, limits)
            check_table(schedule, table, limits)
    except (ScheduleError, SettingsError) as error:
        if len(targets) == 1:
            return None, {targets[0]: error.sentence}
        alone = [planned(routine, [target], settings, snapshot, limits)[1] for target in targets]
        cannot = {target: reason for one in alone for target, reason in one.items()}
        if not cannot:
            raise Crowded(error.must, given=error.given, where=error.where) from error
        left = [target for target in targets if target not in cannot]
        # the others may still be too many
        return (planned(routine, left, settings, snapshot, limits)[0] if left else None), cannot
    return plan, {}
