"""Rules for waits: long enough for what they hold, on the grid, and not shorter than the device can wait."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Straight
from qpu_bridge.schedule.check.lines import start_grain
from qpu_bridge.schedule.check.ranges import ROUND, Bounds
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_waits(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Check the blocks that a slot stretches and those that hold nothing."""
    grain = start_grain(schedule, limits)
    events = schedule.events
    for block in schedule.straight_blocks():
        slot = block.duration_slot
        inside = events[block.first : block.last]
        needed = int((inside["start"] + inside["duration"]).max(initial=0))
        if slot == NONE:
            if not len(inside):
                _shortest(block, limits, np.array([float(block.duration)]), "")
            continue
        if np.isnan(bounds.low[slot]):
            continue
        which = bounds.where(slot, bounds.low[slot])
        if block.duration + bounds.low[slot] < needed:
            raise ScheduleError(
                f"a straight block must last at least {needed} ticks, as its events do",
                given=block.duration + float(bounds.low[slot]),
                where=f"{_named(block)}, {which}",
            )
        for value in _grid(schedule, slot, bounds):
            if abs(value / grain - round(value / grain)) > ROUND * max(1.0, abs(value)):
                raise ScheduleError(f"a swept wait must be a multiple of {grain} ticks", given=float(value), where=f"slot {slot}")
        if bounds.low[slot] + block.duration - needed < limits.min_wait:
            _shortest(block, limits, block.duration - needed + _values(schedule, slot, bounds), f", slot {slot}")


def _shortest(block: Straight, limits: Limits, waits: NDArray[np.float64], slot: str) -> None:
    short = (waits > 0) & (waits < limits.min_wait)
    if short.any():
        raise ScheduleError(
            f"a wait must be 0 or at least {limits.min_wait} ticks",
            given=float(waits[np.argmax(short)]),
            where=_named(block) + slot,
        )


def _named(block: Straight) -> str:
    return f"straight block of events {block.first} to {block.last}"


def _grid(schedule: Schedule, slot: int, bounds: Bounds) -> NDArray[np.float64]:
    """Numbers of which all of a slot's values are made."""
    if slot in schedule.swept:
        sweep, count = schedule.swept[slot]
        return np.array([sweep.start, sweep.step if count > 1 else 0.0])
    return _values(schedule, slot, bounds)


def _values(schedule: Schedule, slot: int, bounds: Bounds) -> NDArray[np.float64]:
    if slot in schedule.swept:
        sweep, count = schedule.swept[slot]
        return np.asarray(sweep.start + sweep.step * np.arange(count), np.float64)
    return np.zeros(0) if bounds.table is None else np.unique(bounds.table.values[:, slot])
