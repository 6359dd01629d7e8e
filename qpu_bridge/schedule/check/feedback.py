"""Rules for measured bits on their way to the controllers: from how many receivers, and that two do not meet on a network."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Body, Branch, Repeat, Straight, While, walk
from qpu_bridge.schedule.check.place import place
from qpu_bridge.schedule.check.ranges import Bounds
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import columns_of
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_feedback(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Check the captures of the carriers that real-time control reads, along every path."""
    read = columns_read(schedule)
    if not read:
        return
    captures = np.flatnonzero(schedule.captures)
    wanted = np.isin(schedule.events["column"][captures], sorted(read))
    frames = np.unique(schedule.events["frame"][captures[wanted]])
    if len(frames) > limits.max_feedback_frames:
        raise ScheduleError(
            f"real-time control must read captures of at most {limits.max_feedback_frames} acquire frames on this device",
            given=len(frames),
        )
    if limits.feedback_separation:
        sent = np.isin(schedule.events["frame"][captures], frames)
        _Walk(schedule, limits, bounds, captures[sent], wanted[sent]).body(schedule.realtime, _Pause())


def columns_read(schedule: Schedule) -> set[int]:
    """Columns that conditions and assignments read."""
    found: set[int] = set()
    for block in walk(schedule.realtime):
        if isinstance(block, Branch | While):
            found |= columns_of(block.condition)
        elif isinstance(block, Assign):
            found |= columns_of(block.value)
    return found


@dataclass(frozen=True, slots=True)
class _Pause:
    """Ticks since the end of the last capture that is sent, and of the last one that is read."""

    sent: float = inf
    read: float = inf

    def later(self, ticks: float) -> _Pause:
        return _Pause(self.sent + ticks, self.read + ticks)

    def merge(self, other: _Pause) -> _Pause:
        return _Pause(min(self.sent, other.sent), min(self.read, other.read))


class _Walk:
    def __init__(
        self, schedule: Schedule, limits: Limits, bounds: Bounds, rows: NDArray[np.int64], read: NDArray[np.bool_]
    ) -> None:
        self.schedule, self.apart, self.bounds = schedule, limits.feedback_separation, bounds
        self.rows, self.read = rows, read
        self.ends = (schedule.events["start"] + schedule.events["duration"])[rows]

    def body(self, body: Body, pause: _Pause) -> _Pause:
        for block in body:
            if isinstance(block, Straight):
                pause = self.straight(block, pause)
            elif isinstance(block, Branch):
                pause = self.body(block.then, pause).merge(self.body(block.otherwise, pause))
            elif isinstance(block, Repeat | While):
                most = block.count if isinstance(block, Repeat) else block.maximum
                for _ in range(min(2, most)):  # a second turn meets the captures of the first; a third meets nothing new
                    after = self.body(block.body, pause)
                    pause = after if isinstance(block, Repeat) else after.merge(pause)
        return pause

    def straight(self, block: Straight, pause: _Pause) -> _Pause:
        low = self.bounds.low[block.duration_slot] if block.duration_slot != NONE else 0.0
        first, last = np.searchsorted(self.rows, (block.first, block.last))
        now = 0.0
        for index in sorted(range(first, last), key=lambda index: int(self.ends[index])):
            pause = pause.later(float(self.ends[index]) - now)
            now = float(self.ends[index])
            since = pause.sent if self.read[index] else pause.read
            if since < self.apart:
                raise ScheduleError(
                    f"captures must end at least {self.apart} ticks apart where real-time control reads one of them, for one "
                    "network carries their bits",
                    given=f"{since:g} ticks",
                    where=place(self.schedule, int(self.rows[index])),
                    remedy="Measure one after the other.",
                )
            pause = _Pause(0.0, 0.0 if self.read[index] else pause.read)
        return pause.later(block.duration + (0.0 if np.isnan(low) else low) - now)
