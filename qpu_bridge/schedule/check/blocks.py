"""Rules for the tree of blocks: data loops outside, each event in one straight block."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Linear, Rows, Shots, walk
from qpu_bridge.schedule.check.place import LONGEST, refuse_where
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind


def check_blocks(schedule: Schedule, limits: Limits) -> None:
    """Check the data loops and the straight blocks."""
    _data_loops(schedule, limits)
    _straights(schedule)


def _data_loops(schedule: Schedule, limits: Limits) -> None:
    every = [block for block in walk(schedule.body) if isinstance(block, Rows | Shots | Linear)]
    for kind in (Rows, Shots):
        count = sum(isinstance(block, kind) for block in every)
        if count != 1:
            raise ScheduleError(f"a schedule must hold {kind.__name__} exactly once", given=count)
    if len(every) != len(schedule.loops):
        raise ScheduleError(
            "data loops (Rows, Linear, Shots) must be nested in each other, nothing beside them, and stand outside of all else",
            given=f"{len(every) - len(schedule.loops)} of {len(every)} elsewhere",
        )
    seen: set[int] = set()
    for loop in schedule.loops:
        if not isinstance(loop, Linear):
            continue
        where = f"linear axis over slot {loop.slot}"
        if not 0 <= loop.slot < len(schedule.slots):
            raise ScheduleError(f"a linear axis must sweep one of the {len(schedule.slots)} slots", given=loop.slot)
        if loop.slot in seen:
            raise ScheduleError("a slot must be swept by one linear axis only", given=f"slot {loop.slot}", where=where)
        seen.add(loop.slot)
        if loop.count < 1:
            raise ScheduleError("a linear axis must have at least one point", given=loop.count, where=where)
        if not (np.isfinite(loop.start) and np.isfinite(loop.step)):
            numbers = f"start {loop.start}, step {loop.step}"
            raise ScheduleError("a linear axis must start and step by finite numbers", given=numbers, where=where)
        kind_of = schedule.slots[loop.slot].kind
        if kind_of not in limits.sweeps:
            able = ", ".join(sorted(kind.value for kind in limits.sweeps)) or "nothing"
            raise ScheduleError(
                f"a linear axis must sweep what the device can sweep: {able}",
                given=kind_of.value,
                where=where,
                remedy="Put the points into rows of the table instead.",
            )


def _straights(schedule: Schedule) -> None:
    events = schedule.events
    straights = schedule.straight_blocks()
    ranges = sorted({(block.first, block.last) for block in straights if block.first != block.last})
    reached = 0
    for first, last in ranges:
        if not 0 <= first <= last <= len(events):
            raise ScheduleError(f"a straight block must hold some of the {len(events)} events", given=f"events {first} to {last}")
        if first != reached:
            raise ScheduleError(
                "each event must stand in one straight block",
                given=f"event {min(first, reached)} in {'two' if first < reached else 'none'}",
            )
        reached = last
    if reached != len(events):
        raise ScheduleError("each event must stand in one straight block", given=f"event {reached} in none")
    least: dict[int, int] = {}
    for block in straights:
        where = f"straight block of events {block.first} to {block.last}"
        if not 0 <= block.duration <= LONGEST:
            raise ScheduleError("a straight block must last from 0 to 2**48 ticks", given=block.duration, where=where)
        if block.duration_slot != NONE:
            if not 0 <= block.duration_slot < len(schedule.slots):
                raise ScheduleError(
                    f"a duration slot must be one of the {len(schedule.slots)} slots", given=block.duration_slot, where=where
                )
            kind = schedule.slots[block.duration_slot].kind
            if kind is not SlotKind.DURATION:
                raise ScheduleError("a block's duration slot must be of kind duration", given=kind.value, where=where)
        if block.last > block.first:
            least[block.first] = min(block.duration, least.get(block.first, block.duration))
    if not ranges:
        return
    bounds = np.array([first for first, _ in ranges], np.int64)
    durations = np.array([least[first] for first, _ in ranges])
    ends = durations[np.searchsorted(bounds, np.arange(len(events)), side="right") - 1]
    refuse_where(
        schedule,
        events["start"] + events["duration"] > ends,
        lambda row: f"an event must end before its straight block does, at tick {ends[row]}",
        lambda row: f"an end at tick {events['start'][row] + events['duration'][row]}",
    )
    back = np.zeros(len(events), bool)
    back[1:] = np.diff(events["start"]) < 0
    back[bounds] = False
    refuse_where(
        schedule,
        back,
        "events of a straight block must be in the order of their starts",
        lambda row: f"tick {events['start'][row]} after tick {events['start'][row - 1]}",
    )
