"""What one shot plays once its slots and its measured bits are known: the reference meaning of blocks and variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Body, Branch, Repeat, Straight, While
from qpu_bridge.schedule.bound import bind
from qpu_bridge.schedule.event import EVENT, NONE
from qpu_bridge.schedule.expression import Expression, VariableKind, evaluate
from qpu_bridge.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot, without slots, blocks or variables.

    Attributes:
        events: ``EVENT[played]``; starts count from the start of the shot, phases hold what slots and variables added.
        rows: ``int64[played]``: which event of the schedule each of them is.
        duration: Ticks.
        bits: ``bool[columns]``: the device's memory at the end.
        variables: ``float64[variables]`` at the end.
    """

    events: NDArray[np.void]
    rows: NDArray[np.int64]
    duration: int
    bits: NDArray[np.bool_]
    variables: NDArray[np.float64]


Measured: TypeAlias = Mapping[int, bool | Sequence[bool]]
"""Column -> what its captures measure: the same each time, or one for each capture that is played."""


def unroll(schedule: Schedule, values: NDArray[np.float64] | None = None, bits: Measured | None = None) -> Shot:
    """Follow one shot through its blocks.

    Args:
        schedule: The template.
        values: ``float64[slots]``, see `row_values`; None for a schedule without slots.
        bits: Column -> what its captures measure, a bit or one for each capture in the order of play; 0 where not named.

    Raises:
        ScheduleError: If a loop with a condition turns more often than it may, or values or bits are missing.
    """
    if values is None and schedule.slots:
        raise ScheduleError(f"a schedule with {len(schedule.slots)} slots must be given their values", given="none")
    numbers = np.zeros(0) if values is None else values
    walk = _Walk(bind(schedule, numbers), numbers, bits or {})
    walk.body(walk.schedule.realtime)
    events = np.concatenate(walk.played) if walk.played else np.zeros(0, EVENT)
    rows = np.concatenate(walk.rows) if walk.rows else np.zeros(0, np.int64)
    return Shot(events, rows, walk.now, walk.bits[0], walk.variables[0])


class _Walk:
    def __init__(self, schedule: Schedule, values: NDArray[np.float64], measured: Measured) -> None:
        self.schedule, self.values, self.measured = schedule, values, measured
        self.captured = [0] * len(schedule.columns)
        self.played: list[NDArray[np.void]] = []
        self.rows: list[NDArray[np.int64]] = []
        self.now = 0
        self.bits = np.zeros((1, len(schedule.columns)), bool)
        self.variables = np.zeros((1, len(schedule.variables)))

    def read(self, expression: Expression) -> float:
        return float(evaluate(expression, self.bits, self.variables, self.values)[0])

    def body(self, body: Body) -> None:
        for block in body:
            if isinstance(block, Straight):
                self.straight(block)
            elif isinstance(block, Assign):
                self.variables[0, block.variable] = self.fit(block.variable, self.read(block.value))
            elif isinstance(block, Branch):
                self.body(block.then if self.read(block.condition) else block.otherwise)
            elif isinstance(block, Repeat):
                for turn in range(block.count):
                    if block.variable != NONE:
                        self.variables[0, block.variable] = self.fit(block.variable, turn)
                    self.body(block.body)
            elif isinstance(block, While):
                self.loop(block)

    def loop(self, block: While) -> None:
        turns = 0
        while self.read(block.condition):
            if turns == block.maximum:
                raise ScheduleError(f"a loop must end after at most {block.maximum} turns", given="a condition that still holds")
            self.body(block.body)
            turns += 1

    def fit(self, variable: int, value: float) -> float:
        """The value as the variable's type keeps it."""
        kind = self.schedule.variables[variable]
        if kind.kind is VariableKind.BOOL:
            return float(value != 0)
        return float(np.mod(np.trunc(value), 2.0**kind.width)) if kind.kind is VariableKind.UINT else value

    def straight(self, block: Straight) -> None:
        events = self.schedule.events[block.first : block.last].copy()
        variable = events["phase_variable"]
        events["phase"] += np.append(self.variables[0], 0.0)[variable]
        events["phase_variable"] = NONE
        events["start"] += self.now
        self.played.append(events)
        self.rows.append(np.arange(block.first, block.last))
        for column in events["column"][self.schedule.captures[block.first : block.last]].tolist():
            self.bits[0, column] = self.capture(column)
        self.now += block.duration

    def capture(self, column: int) -> bool:
        found = self.measured.get(column, False)
        self.captured[column] += 1
        if isinstance(found, bool | np.bool_ | int):
            return bool(found)
        if self.captured[column] > len(found):
            raise ScheduleError(
                "each capture into a column must be given its bit",
                given=f"{len(found)} bits",
                where=f"column {self.schedule.columns[column].name}, capture {self.captured[column]}",
            )
        return bool(found[self.captured[column] - 1])
