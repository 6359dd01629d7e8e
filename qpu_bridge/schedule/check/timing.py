"""Rules along each path of play: when a bit may be read, when the device may decide again, the longest shot."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Repeat, Straight, While, children, duration_of, walk
from qpu_bridge.schedule.check.place import of_lines, place
from qpu_bridge.schedule.check.ranges import Bounds
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import Expression, columns_of
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_timing(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Walk all paths; where they meet, the less favourable time counts."""
    longest = _longest(schedule.realtime, bounds)
    if longest > limits.max_duration:
        raise ScheduleError(f"a shot must last at most {limits.max_duration} ticks", given=int(longest))
    controlled = not all(isinstance(block, Straight) for block in schedule.realtime)
    if controlled:
        _turns(schedule.realtime, bounds)
    if controlled or of_lines(limits)["min_separation"].any():
        _Walk(schedule, limits, bounds).body(schedule.realtime, _Ages())


def _turns(body: Body, bounds: Bounds) -> None:
    for block in body:
        if isinstance(block, Repeat | While) and _shortest(block.body, bounds) <= 0:
            raise ScheduleError("a turn of a real-time loop must take time", given="0 ticks", where=type(block).__name__.lower())
        for inner in children(block):
            _turns(inner, bounds)


def _shortest(body: Body, bounds: Bounds) -> float:
    """Fewest ticks of a body; a wait whose slot is not known yet counts as a tick."""
    total = 0.0
    for block in body:
        if isinstance(block, Straight):
            low = bounds.low[block.duration_slot] if block.duration_slot != NONE else 0.0
            total += block.duration + (1.0 if np.isnan(low) else low)
        elif isinstance(block, Branch):
            total += min(_shortest(block.then, bounds), _shortest(block.otherwise, bounds))
        elif isinstance(block, Repeat):
            total += block.count * _shortest(block.body, bounds)
    return total


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
    """Ticks since the last capture into each column ended, since the last one on each frame started, since the last decision."""

    ended: dict[int, float] = field(default_factory=dict)
    started: dict[int, float] = field(default_factory=dict)
    decided: float = 0.0

    def copy(self) -> _Ages:
        return _Ages(dict(self.ended), dict(self.started), self.decided)

    def merge(self, other: _Ages) -> _Ages:
        """The younger of two, for the place where two paths meet."""
        least = min(self.decided, other.decided)
        return _Ages(_younger(self.ended, other.ended), _younger(self.started, other.started), least)


def _younger(one: dict[int, float], two: dict[int, float]) -> dict[int, float]:
    return {key: min(one.get(key, inf), two.get(key, inf)) for key in one.keys() | two.keys()}


class _Walk:
    def __init__(self, schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
        self.schedule, self.limits, self.bounds = schedule, limits, bounds
        captures = schedule.captures.nonzero()[0]
        self.captures: list[int] = captures.tolist()
        events = schedule.events[captures]
        self.times = list(zip(events["start"].tolist(), events["duration"].tolist(), strict=True))
        self.frames, self.columns = events["frame"].tolist(), events["column"].tolist()
        self.separation = of_lines(limits)["min_separation"][events["port"]].tolist()
        self.later: frozenset[int] = frozenset()
        """Columns that the loops around capture: an earlier turn may have written them."""

    def body(self, body: Body, ages: _Ages) -> _Ages:
        before: Block | None = None
        for block in body:
            if isinstance(block, Straight):
                ages = self.straight(block, ages)
            elif isinstance(block, Assign):
                self.read(block.value, ages, "an assignment")
                if not isinstance(before, Assign):
                    self.decide(ages, "an assignment")
            elif isinstance(block, Branch):
                self.read(block.condition, ages, "a branch")
                self.decide(ages, "a branch")
                self.arms(block)
                ages = self.body(block.then, ages.copy()).merge(self.body(block.otherwise, ages.copy()))
            elif isinstance(block, Repeat | While):
                ages = self.loop(block, ages)
            before = block
        return ages

    def decide(self, ages: _Ages, what: str) -> None:
        if ages.decided < self.limits.decision_ticks:
            raise ScheduleError(
                f"{what} must come at least {self.limits.decision_ticks} ticks of play after the decision before it",
                given=f"{ages.decided:g} ticks",
            )
        ages.decided = 0.0

    def arms(self, block: Branch) -> None:
        lasting = [duration_of(block.then), duration_of(block.otherwise)]
        if self.limits.equal_arms and (lasting[0] is None or lasting[0] != lasting[1]):
            words = " and ".join("an unknown number of" if ticks is None else str(ticks) for ticks in lasting)
            raise ScheduleError("both arms of a branch must last equally long on this device", given=f"{words} ticks")

    def loop(self, block: Repeat | While, ages: _Ages) -> _Ages:
        outer = self.later
        self.later = outer | self.captured(block.body)
        left: _Ages | None = None  # where the loop was left after an earlier test
        # A second turn meets the captures of the first; a third meets nothing new.
        for _ in range(min(2, block.count if isinstance(block, Repeat) else block.maximum)):
            if isinstance(block, While):
                self.test(block, ages)
                left = ages if left is None else left.merge(ages)
            ages = self.body(block.body, ages.copy())
        if isinstance(block, While):
            self.test(block, ages)
        self.later = outer
        return ages if left is None else ages.merge(left)

    def test(self, block: While, ages: _Ages) -> None:
        self.read(block.condition, ages, "a loop")
        self.decide(ages, "the test of a loop")

    def captured(self, body: Body) -> frozenset[int]:
        found: set[int] = set()
        for block in walk(body):
            if isinstance(block, Straight):
                found.update(self.columns[bisect_left(self.captures, block.first) : bisect_left(self.captures, block.last)])
        return frozenset(found)

    def read(self, expression: Expression, ages: _Ages, what: str) -> None:
        for column in columns_of(expression):
            if column not in ages.ended and column not in self.later:
                raise ScheduleError(
                    f"{what} must read bits that a capture before it may have written",
                    given=f"column {self.schedule.columns[column].name}, which none has",
                )
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
        for row in range(bisect_left(self.captures, block.first), bisect_left(self.captures, block.last)):
            (start, lasting), frame, column = self.times[row], self.frames[row], self.columns[row]
            pause = started.get(frame, inf) - duration + start
            if pause < self.separation[row]:
                raise ScheduleError(
                    f"captures at one carrier must start at least {self.separation[row]} ticks apart",
                    given=f"{pause:g} ticks",
                    where=place(self.schedule, self.captures[row]),
                )
            started[frame] = duration - start
            ended[column] = min(ended.get(column, inf), duration - start - lasting)
        return _Ages(ended, started, ages.decided + duration)
