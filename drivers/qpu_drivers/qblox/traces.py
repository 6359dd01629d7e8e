"""Traces: one capture, one shot at a time, since a module has one scope. Pure.

A schedule with raw columns becomes one schedule for each of their captures, in which axes are rows; the scope follows that one.
Other captures go, since the scope would follow those of the same sequencer too, but for those that branches read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Acquisition,
    Block,
    Body,
    Branch,
    Linear,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Straight,
    Table,
    While,
    columns_of,
    row_values,
    unroll,
    walk,
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A capture that returns its samples.

    Attributes:
        column: Where it writes.
        schedule: What is played for it: this raw capture and no other, no axes, `Rows` around `Shots`.
        event: Its row in the events of that schedule.
        samples: Their number.
    """

    column: int
    schedule: Schedule
    event: int
    samples: int

    def demodulate(
        self, samples: NDArray[np.complex128], values: NDArray[np.float64], oscillator: float
    ) -> NDArray[np.complex64]:
        """The trace of the converter, ``I + iQ``, as a schedule means it: ``y_k exp(-i phi)``.

        The converter is given ``conj(y) exp(2 pi i f t)`` at intermediate frequency ``f``, with `t` in the middle of each sample,
        from the start of the shot: emission's own time, for the acquisition begins later by the time of flight.

        Args:
            samples: ``complex128[samples or more]``.
            values: ``float64[slots]`` of the row.
            oscillator: What is subtracted from the capture's frequency to give `f`, Hz.
        """
        shot = unroll(self.schedule, values)
        (event,) = shot.events[shot.rows == self.event]
        times = (int(event["start"]) + np.arange(self.samples) + 0.5) * float(self.schedule.clock.dt)
        carrier = np.exp(-2j * np.pi * (float(event["frequency"]) - oscillator) * times)
        given = np.zeros(self.samples, np.complex128)
        given[: len(samples)] = samples[: self.samples]
        return np.asarray(np.conj(given * carrier) * np.exp(-1j * float(event["phase"])), np.complex64)


def traces(schedule: Schedule) -> list[Trace]:
    """What is played for the raw columns of a schedule.

    Raises:
        ScheduleError: If a trace is captured in a branch or loop, or a column's by several captures.
    """
    raw = [index for index, column in enumerate(schedule.columns) if column.acquisition is Acquisition.RAW]
    found = []
    for column in raw:
        events = np.flatnonzero(schedule.captures & (schedule.events["column"] == column))
        where = f"column {schedule.columns[column].name}"
        if len(events) > 1 or not always(schedule).issuperset(events.tolist()):
            must = "a trace must be captured once in each shot, outside of branches and loops, by this device"
            raise ScheduleError(must, given=f"{len(events)} captures", where=where)
        if len(events) and schedule.columns[column].returned:
            found.append(_trace(schedule, column, int(events[0])))
    return found


def without_traces(schedule: Schedule) -> Schedule | None:
    """The schedule without raw captures, None if nothing else is returned; itself if there are none."""
    raw = {index for index, column in enumerate(schedule.columns) if column.acquisition is Acquisition.RAW}
    if not any(column.returned for index, column in enumerate(schedule.columns) if index not in raw):
        return None if raw else schedule
    return _only(schedule, ~_captures_of(schedule, raw))[0] if raw else schedule


def always(schedule: Schedule) -> frozenset[int]:
    """Events that are played once in each shot."""
    sometimes = {
        event
        for outer in walk(schedule.realtime)
        if not isinstance(outer, Straight)
        for block in walk((outer,))
        if isinstance(block, Straight)
        for event in range(block.first, block.last)
    }
    return frozenset(range(len(schedule.events))) - sometimes


def expanded(schedule: Schedule, table: Table) -> Table:
    """The table with a row for each row and point of the axes, ``[rows * points, slots]``."""
    points = list(np.ndindex(*schedule.sweep_shape))
    rows = [row_values(schedule, row, table, point) for row in range(len(table)) for point in points]
    return Table(np.array(rows, np.float64).reshape(len(rows), len(schedule.slots)))


def _trace(schedule: Schedule, column: int, event: int) -> Trace:
    read = {one for block in walk(schedule.realtime) if isinstance(block, Branch) for one in columns_of(block.condition)}
    kept = ~_captures_of(schedule, set(range(len(schedule.columns))) - read - {column})
    beside = schedule.events[kept & schedule.captures]
    frame = schedule.events["frame"][event]
    if int((beside["frame"] == frame).sum()) > 1:
        must = "a carrier whose trace is returned must not capture bits that branches read, by this device"
        raise ScheduleError(must, given=schedule.frames[frame].name, where=f"column {schedule.columns[column].name}")
    single, places = _only(schedule, kept)
    flat = replace(single, body=(Rows((Shots(single.realtime),)),))
    return Trace(column, flat, int(places[event]), int(schedule.samples[event]))


def _captures_of(schedule: Schedule, columns: set[int]) -> NDArray[np.bool_]:
    return np.asarray(schedule.captures & np.isin(schedule.events["column"], sorted(columns)))


def _only(schedule: Schedule, kept: NDArray[np.bool_]) -> tuple[Schedule, NDArray[np.int64]]:
    """The schedule with some of its events, and the new row of each old event."""
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(schedule, events=schedule.events[kept], body=_moved(schedule.body, before)), before[:-1]


def _moved(body: Body, before: NDArray[np.int64]) -> Body:
    moved: list[Block] = []
    for block in body:
        if isinstance(block, Straight):
            moved.append(replace(block, first=int(before[block.first]), last=int(before[block.last])))
        elif isinstance(block, Branch):
            moved.append(replace(block, then=_moved(block.then, before), otherwise=_moved(block.otherwise, before)))
        elif isinstance(block, Repeat | While | Shots | Rows | Linear):
            moved.append(replace(block, body=_moved(block.body, before)))
        else:
            moved.append(block)
    return tuple(moved)
