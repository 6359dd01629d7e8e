"""The numbers of a run: constants of the events, slots of the table, swept values, real-time variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Linear, Schedule, Table
from qpu_emulator.score.lanes import Index, Lanes
from qpu_emulator.score.program import Program

Number = NDArray[np.float64] | float
"""One number of every lane: an array only if lanes may differ."""


@dataclass(frozen=True, slots=True)
class Values:
    """Numbers of every point (row and sweep point) of a run.

    Attributes:
        program: The template.
        points: ``float[points, slots]``.
    """

    program: Program
    points: NDArray[np.float64]

    @classmethod
    def of_rows(cls, program: Program, table: Table) -> Values:
        """Spread rows over the template's linear sweeps; rows vary slowest, whatever the order of the loops."""
        schedule, points = program.schedule, table.values
        if len(schedule.slots) > points.shape[1]:
            points = np.pad(points, ((0, 0), (0, len(schedule.slots) - points.shape[1])))
        for loop in schedule.loops:
            if isinstance(loop, Linear):
                points = np.repeat(points, loop.count, axis=0)
                for sweep in loop.sweeps:
                    points[:, sweep.slot] = np.tile(sweep.start + sweep.step * np.arange(loop.count), len(points) // loop.count)
        return cls(program, points)

    @property
    def schedule(self) -> Schedule:
        """The template's schedule."""
        return self.program.schedule

    def depends(self, row: int, *names: str) -> bool:
        """Whether any of an event's numbers differs from point to point."""
        return any(self.program.events[f"{name}_slot"][row] != NONE for name in names)

    def at_points(self, row: int, name: str) -> Number:
        """An event's amplitude, phase or frequency at every point (without real-time variables)."""
        events = self.program.events
        constant: float = events[name][row]
        slot: int = events[f"{name}_slot"][row]
        if slot == NONE:
            return constant
        return constant * self.points[:, slot] if name == "amplitude" else constant + self.points[:, slot]

    def of_all(self, rows: Index, name: str, points: Index) -> NDArray[np.float64]:
        """The same of many events at some points, ``float[events, points]``; one point where all have the same numbers."""
        events = self.schedule.events
        number = events[name][rows][:, None]
        slot = events[f"{name}_slot"][rows]
        swept = np.flatnonzero(slot != NONE)
        if len(swept):
            number = np.repeat(number, len(points), axis=1)
            values = self.points[points].T[slot[swept]]
            number[swept] = number[swept] * values if name == "amplitude" else number[swept] + values
        return np.asarray(number)

    def of(self, row: int, name: str, lanes: Lanes, chosen: Index) -> Number:
        """The same in some lanes, real-time variables included."""
        number = self.at_points(row, name)
        if isinstance(number, np.ndarray):
            number = number[lanes.point[chosen]]
        if name == "phase" and (variable := self.program.events["phase_variable"][row]) != NONE:
            number = number + lanes.variables[chosen, variable]
        return number
