"""The validator: the first line against schedules that a controller would silently play wrong.

Vendor tools accept many mistakes without a word (amplitudes above 1, memory overruns, aliased frequencies), so every rule stands
here, is driven by the device's `Limits`, and says what must hold, what was given, and where.
"""

from __future__ import annotations

from functools import lru_cache

from qpu_bridge.schedule.check.amounts import check_results, check_size
from qpu_bridge.schedule.check.blocks import check_blocks
from qpu_bridge.schedule.check.carriers import check_carriers
from qpu_bridge.schedule.check.control import check_control
from qpu_bridge.schedule.check.feedback import check_feedback
from qpu_bridge.schedule.check.lines import check_lines, chords
from qpu_bridge.schedule.check.memory import check_memory
from qpu_bridge.schedule.check.place import TEMPLATES, Same, own_lines
from qpu_bridge.schedule.check.ranges import Bounds, check_ranges, check_values
from qpu_bridge.schedule.check.readout import check_readout, features_of
from qpu_bridge.schedule.check.structure import check_structure
from qpu_bridge.schedule.check.tables import check_tables
from qpu_bridge.schedule.check.timing import check_timing
from qpu_bridge.schedule.check.waits import check_waits
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import Table

__all__ = ["check", "check_once", "check_results", "check_table", "features_of"]


def check(schedule: Schedule, limits: Limits) -> None:
    """Check all of a template that does not depend on the rows of a table.

    Linear axes are checked here; slots that a table fills are checked by `check_table`.

    Raises:
        ScheduleError: On the first rule broken.
    """
    limits = own_lines(schedule, limits)
    check_tables(schedule, limits)
    check_structure(schedule)
    check_blocks(schedule, limits)
    check_control(schedule, limits)
    check_size(schedule, limits)
    check_readout(schedule, limits)
    sounding = chords(schedule)
    check_lines(schedule, limits, sounding)
    check_memory(schedule, limits)
    bounds = Bounds.of_axes(schedule)
    check_ranges(schedule, limits, bounds, sounding)
    check_waits(schedule, limits, bounds)
    check_carriers(schedule, limits, bounds)
    check_timing(schedule, limits, bounds)
    check_feedback(schedule, limits, bounds)


def check_once(schedule: Schedule, limits: Limits) -> None:
    """`check`, but a template that comes back, or that goes through several hands in one process, is checked when it comes first.

    What was refused is not remembered; other limits are another device's, though they may say the same.
    """
    _checked(schedule, Same(limits))


@lru_cache(maxsize=TEMPLATES)
def _checked(schedule: Schedule, device: Same) -> None:
    check(schedule, device.limits)


def check_table(schedule: Schedule, table: Table, limits: Limits) -> None:
    """Check the rows of a table against a template that has passed `check`.

    Raises:
        ScheduleError: On the first rule broken; names the slot and the row.
    """
    check_values(schedule, table, limits)
    if not schedule.slots:
        return  # all that follows was checked with the template
    limits = own_lines(schedule, limits)
    bounds = Bounds.of_table(schedule, table)
    check_ranges(schedule, limits, bounds, chords(schedule))
    check_waits(schedule, limits, bounds)
    check_carriers(schedule, limits, bounds)
    check_timing(schedule, limits, bounds)
    check_feedback(schedule, limits, bounds)
