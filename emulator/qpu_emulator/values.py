"""The numbers of a run: constants of the events, slots of the table, swept values, real-time variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Linear, Schedule, Table
from qpu_emulator.lanes import Index, Lanes


@dataclass(frozen=True, slots=True)
class Values:
    """Numbers of every point (row and sweep point) of a run.

    Attributes:
        schedule: The template.
        points: ``float[points, slots]``.
    """

    schedule: Schedule
    points: NDArray[np.float64]

    @classmethod
    def of_rows(cls, schedule: Schedule, table: Table) -> Values:
        """Spread rows over the template's linear sweeps; rows vary slowest, whatever the order of the loops."""
        points = table.values
        if len(schedule.slots) > points.shape[1]:
            points = np.pad(points, ((0, 0), (0, len(schedule.slots) - points.shape[1])))
        for loop in schedule.loops:
            if isinstance(loop, Linear):
                points = np.repeat(points, loop.count, axis=0)
                for sweep in loop.sweeps:
                    points[:, sweep.slot] = np.tile(sweep.start + sweep.step * np.arange(loop.count), len(points) // loop.count)
        return cls(schedule, points)

    def depends(self, row: int, *names: str) -> bool:
        """Whether any of an event's numbers differs from point to point."""
        return any(int(self.schedule.events[f"{name}_slot"][row]) != NONE for name in names)

    def at_points(self, row: int, name: str) -> NDArray[np.float64]:
        """An event's amplitude, phase or frequency at every point (without real-time variables)."""
        events = self.schedule.events
        constant, slot = float(events[name][row]), int(events[f"{name}_slot"][row])
        if slot == NONE:
            return np.full(len(self.points), constant)
        return constant * self.points[:, slot] if name == "amplitude" else constant + self.points[:, slot]

    def of(self, row: int, name: str, lanes: Lanes, chosen: Index) -> NDArray[np.float64]:
        """The same in some lanes, real-time variables included."""
        number = self.at_points(row, name)[lanes.point[chosen]]
        variable = int(self.schedule.events["phase_variable"][row])
        if name == "phase" and variable != NONE:
            number = number + lanes.variables[chosen, variable]
        return number
