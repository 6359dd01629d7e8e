"""Rules for the tree of blocks: data loops outside, each event in one straight block."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import MAX_DEPTH, Assign, Branch, Linear, Rows, Shots, Sweep, While, children, walk
from qpu_bridge.schedule.check.place import LONGEST, refuse_where
from qpu_bridge.schedule.check.structure import MOST_PHASE
from qpu_bridge.schedule.check.tables import whole
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import Apply
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind

MOST_POINTS = 2**31
"""Points of one axis."""


def check_blocks(schedule: Schedule, limits: Limits) -> None:
    """Check the depth of the tree, the data loops and the straight blocks."""
    _depth(schedule)
    _data_loops(schedule, limits)
    _straights(schedule)


def _depth(schedule: Schedule) -> None:
    """Walk without recursion: what is too deep must be refused before anything recurs into it."""
    open_: list[tuple[object, int]] = [(block, 1) for block in schedule.body]
    while open_:
        part, depth = open_.pop()
        if depth > MAX_DEPTH:
            raise ScheduleError(f"blocks and expressions must be nested at most {MAX_DEPTH} deep", given=depth)
        inner: list[object] = list(part.arguments) if isinstance(part, Apply) else []
        if isinstance(part, Branch | While):
            inner.append(part.condition)
        if isinstance(part, Assign):
            inner.append(part.value)
        inner += [block for body in (() if isinstance(part, Apply) else children(part)) for block in body]  # type: ignore[arg-type]
        open_ += [(one, depth + 1) for one in inner]


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
    axes = sum(isinstance(loop, Linear) for loop in schedule.loops)
    if axes > limits.max_axes:
        raise ScheduleError(f"a schedule must have at most {limits.max_axes} linear axes on this device", given=axes)
    seen: set[int] = set()
    for loop in schedule.loops:
        if isinstance(loop, Linear):
            _axis(schedule, limits, loop, seen)


def _axis(schedule: Schedule, limits: Limits, loop: Linear, seen: set[int]) -> None:
    where = f"linear axis over slot {', '.join(str(sweep.slot) for sweep in loop.sweeps)}"
    if not loop.sweeps:
        raise ScheduleError("a linear axis must sweep at least one slot", given="none")
    if not whole(loop.count) or not 1 <= loop.count <= MOST_POINTS:
        raise ScheduleError("a linear axis must have from 1 to 2**31 points", given=loop.count, where=where)
    for sweep in loop.sweeps:
        if not whole(sweep.slot) or not 0 <= sweep.slot < len(schedule.slots):
            raise ScheduleError(f"a linear axis must sweep one of the {len(schedule.slots)} slots", given=sweep.slot)
        if sweep.slot in seen:
            raise ScheduleError("a slot must be swept once", given=f"slot {sweep.slot}", where=where)
        seen.add(sweep.slot)
        if not (np.isfinite(sweep.start) and np.isfinite(sweep.step)):
            numbers = f"start {sweep.start}, step {sweep.step}"
            raise ScheduleError("a linear axis must start and step by finite numbers", given=numbers, where=where)
        kind = schedule.slots[sweep.slot].kind
        if kind not in limits.sweeps:
            able = ", ".join(sorted(kind.value for kind in limits.sweeps)) or "nothing"
            raise ScheduleError(
                f"a linear axis must sweep what the device can sweep: {able}",
                given=kind.value,
                where=where,
                remedy="Put the points into rows of the table instead.",
            )
        _phases(schedule, sweep, loop.count, where)


def _phases(schedule: Schedule, sweep: Sweep, count: int, where: str) -> None:
    slot = schedule.slots[sweep.slot]
    if slot.kind is not SlotKind.PHASE:
        return
    most = max(abs(sweep.start), abs(sweep.start + (count - 1) * sweep.step))
    if most > MOST_PHASE:
        raise ScheduleError(f"a phase must be at most {MOST_PHASE:g} rad", given=most, where=where)
    if slot.bits is None:
        return
    turns = np.array([sweep.start, sweep.step if count > 1 else 0.0]) / (2 * np.pi / 2**slot.bits)
    if (np.abs(turns - np.rint(turns)) > 1e-9 * np.maximum(1, np.abs(turns))).any():
        raise ScheduleError(
            f"a slot of {slot.bits} bits must be swept in multiples of 2 pi / {2**slot.bits}",
            given=f"start {sweep.start}, step {sweep.step}",
            where=where,
        )


def _durations(schedule: Schedule) -> None:
    for block in schedule.straight_blocks():
        where = f"straight block of events {block.first} to {block.last}"
        if not all(map(whole, (block.first, block.last, block.duration, block.duration_slot))):
            raise ScheduleError("a straight block's numbers must be whole", given=str(block))
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


def _straights(schedule: Schedule) -> None:
    events = schedule.events
    straights = schedule.straight_blocks()
    _durations(schedule)
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
        if block.last > block.first:
            least[block.first] = min(block.duration, least.get(block.first, block.duration))
    if not ranges:
        return
    durations = np.array([least[first] for first, _ in ranges])
    ends = durations[schedule.block_of_event]
    refuse_where(
        schedule,
        events["start"] + events["duration"] > ends,
        lambda row: f"an event must end before its straight block does, at tick {ends[row]}",
        lambda row: f"an end at tick {events['start'][row] + events['duration'][row]}",
    )
    back = np.zeros(len(events), bool)
    back[1:] = events["start"][1:] < events["start"][:-1]
    back[[first for first, _ in ranges]] = False
    refuse_where(
        schedule,
        back,
        "events of a straight block must be in the order of their starts",
        lambda row: f"tick {events['start'][row]} after tick {events['start'][row - 1]}",
    )
