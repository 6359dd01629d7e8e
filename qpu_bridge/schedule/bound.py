"""A template with one row of its table filled in, for pictures and for the reference meaning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Block, Body, Branch, Linear, Repeat, Rows, Shots, Straight, While
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import Table


def row_values(schedule: Schedule, row: int, table: Table, point: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """Values of all slots for one row of a table and one point of the linear axes.

    Args:
        schedule: The template.
        row: Row of the table.
        table: Rows of slot values.
        point: Index on each linear axis, outermost first; missing ones are 0.

    Returns:
        ``float64[slots]``.

    Raises:
        ScheduleError: If the row or the point is not there.
    """
    if not 0 <= row < len(table) or table.values.shape[1] != len(schedule.slots):
        raise ScheduleError(
            f"a row must be one of a table with {len(schedule.slots)} slots", given=f"row {row} of shape {table.values.shape}"
        )
    axes = [loop for loop in schedule.loops if isinstance(loop, Linear)]
    if len(point) > len(axes) or any(not 0 <= k < axis.count for k, axis in zip(point, axes, strict=False)):
        raise ScheduleError(f"a point must lie within the linear axes of shape {schedule.sweep_shape}", given=point)
    values = table.values[row].copy()
    for axis, k in zip(axes, point + (0,) * (len(axes) - len(point)), strict=True):
        for sweep in axis.sweeps:
            values[sweep.slot] = sweep.start + k * sweep.step
    return np.asarray(values, dtype=np.float64)


def bind(schedule: Schedule, values: NDArray[np.float64]) -> Schedule:
    """The schedule of one row: slots of amplitude, phase, frequency and duration become constants, linear axes go.

    Slots that real-time expressions read stay.

    Args:
        schedule: The template.
        values: ``float64[slots]``, see `row_values`.
    """
    events = schedule.events.copy()
    padded = np.append(values, 0.0)
    events["phase"] += padded[events["phase_slot"]]
    events["frequency"] += padded[events["frequency_slot"]]
    padded[-1] = 1.0
    events["amplitude"] *= padded[events["amplitude_slot"]]
    for name in ("phase_slot", "frequency_slot", "amplitude_slot"):
        events[name] = NONE
    body: Body = (Rows((Shots(_fixed(schedule.realtime, values)),)),)
    return replace(schedule, events=events, body=body)


def _fixed(body: Body, values: NDArray[np.float64]) -> Body:
    return tuple(_block(block, values) for block in body)


def _block(block: Block, values: NDArray[np.float64]) -> Block:
    if isinstance(block, Straight) and block.duration_slot != NONE:
        return replace(block, duration=block.duration + round(float(values[block.duration_slot])), duration_slot=NONE)
    if isinstance(block, Branch):
        return replace(block, then=_fixed(block.then, values), otherwise=_fixed(block.otherwise, values))
    if isinstance(block, Repeat | While):
        return replace(block, body=_fixed(block.body, values))
    return block
