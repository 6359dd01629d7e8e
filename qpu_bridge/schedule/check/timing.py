"""Rules along each path of play: the device's latency before it reads a bit, the pause between captures, the longest shot."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Body, Branch, Repeat, Straight, While
from qpu_bridge.schedule.check.place import place, port_limits
from qpu_bridge.schedule.check.ranges import Bounds
from qpu_bridge.schedule.event import NONE, Operation
from qpu_bridge.schedule.expression import Expression, columns_of
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_timing(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Walk all paths; where they meet, the less favourable time counts."""
    longest = _longest(schedule.realtime, bounds)
    if longest > limits.max_duration:
        raise ScheduleError(f"a shot must last at most {limits.max_duration} ticks", given=int(longest))
    _Walk(schedule, limits, bounds).body(schedule.realtime, _Ages())


def _wait(block: Straight, bound: float) -> float:
    return block.duration + (0.0 if np.isnan(bound) else bound)


def _longest(body: Body, bounds: Bounds) -> float:
    total = 0.0
    for block in body:
        if isinstance(block, Straight):
            total += _wait(block, bounds.high[block.duration_slot])
        elif isinstance(block, Branch):
            total += max(_longest(block.then, bounds), _longest(block.otherwise, bounds))
        elif isinstance(block, Repeat):
            total += block.count * _longest(block.body, bounds)
        elif isinstance(block, While):
            total += block.maximum * _longest(block.body, bounds)
    return total


@dataclass(slots=True)
class _Ages:
    """Ticks since the last capture into each column ended, and since the last capture on each frame started."""

    ended: dict[int, float] = field(default_factory=dict)
    started: dict[int, float] = field(default_factory=dict)

    def copy(self) -> _Ages:
        return _Ages(dict(self.ended), dict(self.started))

    def merge(self, other: _Ages) -> _Ages:
        """The younger of two, for the place where two paths meet."""
        return _Ages(_younger(self.ended, other.ended), _younger(self.started, other.started))


def _younger(one: dict[int, float], two: dict[int, float]) -> dict[int, float]:
    return {key: min(one.get(key, inf), two.get(key, inf)) for key in one.keys() | two.keys()}


class _Walk:
    def __init__(self, schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
        self.schedule, self.limits, self.bounds = schedule, limits, bounds
        self.captures = np.flatnonzero(schedule.events["operation"] == Operation.CAPTURE)
        self.events = schedule.events[self.captures]
        separation = np.array([port.min_separation for port in port_limits(schedule, limits)] or [0])
        self.separation = separation[self.events["port"]]

    def body(self, body: Body, ages: _Ages) -> _Ages:
        for block in body:
            if isinstance(block, Straight):
                ages = self.straight(block, ages)
            elif isinstance(block, Assign):
                self.read(block.value, ages, "an assignment")
            elif isinstance(block, Branch):
                self.read(block.condition, ages, "a branch")
                ages = self.body(block.then, ages.copy()).merge(self.body(block.otherwise, ages.copy()))
            elif isinstance(block, Repeat | While):
                ages = self.loop(block, ages)
        return ages

    def loop(self, block: Repeat | While, ages: _Ages) -> _Ages:
        # A second turn meets the captures of the first; a third meets nothing new.
        for _ in range(min(2, block.count if isinstance(block, Repeat) else block.maximum)):
            if isinstance(block, While):
                self.read(block.condition, ages, "a loop")
            after = self.body(block.body, ages.copy())
            ages = after if isinstance(block, Repeat) else after.merge(ages)
        if isinstance(block, While):
            self.read(block.condition, ages, "a loop")
        return ages

    def read(self, expression: Expression, ages: _Ages, what: str) -> None:
        for column in columns_of(expression):
            age = ages.ended.get(column, inf)
            if age < self.limits.branch_latency:
                raise ScheduleError(
                    f"{what} must wait {self.limits.branch_latency} ticks from the end of a capture until it reads the bit",
                    given=f"{age:g} ticks",
                    where=f"column {self.schedule.columns[column].name}",
                )

    def straight(self, block: Straight, ages: _Ages) -> _Ages:
        duration = _wait(block, self.bounds.low[block.duration_slot] if block.duration_slot != NONE else 0.0)
        ended = {column: age + duration for column, age in ages.ended.items()}
        started = {frame: age + duration for frame, age in ages.started.items()}
        first, last = np.searchsorted(self.captures, (block.first, block.last))
        for row in range(first, last):
            event = self.events[row]
            start, frame = int(event["start"]), int(event["frame"])
            pause = started.get(frame, inf) - duration + start
            if pause < self.separation[row]:
                raise ScheduleError(
                    f"captures at one carrier must start at least {self.separation[row]} ticks apart",
                    given=f"{pause:g} ticks",
                    where=place(self.schedule, int(self.captures[row])),
                )
            started[frame] = duration - start
            column = int(event["column"])
            since = duration - start - int(event["duration"])
            ended[column] = since
        return _Ages(ended, started)
