"""The line between 0 and 1 that a sequencer draws itself, for bits that branches read."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Discriminator, Schedule
from qpu_drivers.qblox.compile.receiver import Window


def line(schedule: Schedule, windows: Sequence[Window], columns: Sequence[int]) -> Discriminator | None:
    """The line of a sequencer, in its own units.

    The column wants ``Re(v exp(-i angle)) > threshold`` of ``v = factor conj(S) exp(-i rotation)``, which is
    ``Re(S exp(i (rotation + angle - arg factor))) > threshold / |factor|`` of the sum ``S`` that the sequencer makes.

    Args:
        schedule: The template.
        windows: Captures of the sequencer.
        columns: Columns that branches read.

    Returns:
        ``Re(S exp(i angle)) > threshold``; None if no branch reads a bit of it.

    Raises:
        ScheduleError: If captures whose bits are read have different lines, or one that rows change.
    """
    read = [window for window in windows if window.column in columns]
    names = ", ".join(schedule.columns[column].name for column in columns)
    found: list[tuple[int, int | None, float, float]] = []
    for window in read:
        drawn = schedule.columns[window.column].discriminator
        if drawn is None or not window.factor or window.rotation.slots:
            raise ScheduleError(
                "a bit that a branch reads must be told by one fixed line",
                given="a phase that rows or axes change" if window.rotation.slots else "no line",
                where=f"column {schedule.columns[window.column].name}",
            )
        angle = 2 * pi * window.rotation.constant + drawn.angle - float(np.angle(window.factor))
        found.append((window.samples, window.weights, angle, drawn.threshold / abs(window.factor)))
    if not found:
        return None
    samples, weights, angle, threshold = found[0]
    for other in found[1:]:
        apart = abs(np.exp(1j * other[2]) - np.exp(1j * angle))
        if other[:2] != (samples, weights) or apart > 1e-6 or not np.isclose(other[3], threshold, rtol=1e-6, atol=1e-9):
            raise ScheduleError(
                "captures at one carrier whose bits branches read must be alike in window, kernel, phase and discriminator, for "
                "a sequencer has one line between 0 and 1",
                given="different ones",
                where=f"columns {names}",
            )
    return Discriminator(angle, threshold)
