"""Rules for each line: lengths and starts on its grid, and what may sound at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.check.place import TEMPLATES, of_lines, place, refuse_where
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule


def check_lines(schedule: Schedule, limits: Limits, chords: Sequence[Chord]) -> None:
    """Check lengths, starts, and overlap."""
    _lengths(schedule, limits)
    _starts(schedule, limits)
    _overlap(schedule)
    _together(schedule, limits, chords)


def _lengths(schedule: Schedule, limits: Limits) -> None:
    port, samples, lines = schedule.events["port"], schedule.samples, of_lines(limits)
    least, most, grain = lines["min_duration"][port], lines["max_duration"][port], lines["granularity"][port]
    refuse_where(
        schedule,
        samples < least,
        lambda row: f"an event on this port must last at least {least[row]} samples",
        samples.__getitem__,
    )
    refuse_where(
        schedule, samples > most, lambda row: f"an event on this port must last at most {most[row]} samples", samples.__getitem__
    )
    refuse_where(
        schedule,
        samples % grain != 0,
        lambda row: f"an event on this port must last a multiple of {grain[row]} samples",
        samples.__getitem__,
        "Pad the envelope with zeros.",
    )


def _starts(schedule: Schedule, limits: Limits) -> None:
    start = schedule.events["start"]
    grain = of_lines(limits)["start_granularity"][schedule.events["port"]]
    refuse_where(
        schedule,
        start % grain != 0,
        lambda row: f"an event on this port must start at a multiple of {grain[row]} ticks",
        lambda row: f"tick {start[row]}",
    )
    common = start_grain(schedule, limits)
    for block in schedule.straight_blocks():
        if block.duration % common:
            raise ScheduleError(
                f"a straight block must last a multiple of {common} ticks, so that the next one starts on the grid of all ports",
                given=block.duration,
                where=f"straight block of events {block.first} to {block.last}",
            )


def start_grain(schedule: Schedule, limits: Limits) -> int:
    """Ticks of which all straight blocks must be a multiple."""
    return lcm(*of_lines(limits)["start_granularity"].tolist())


def _overlap(schedule: Schedule) -> None:
    """One carrier does one thing at a time."""
    later, before = overlapping(schedule, schedule.events["frame"], len(schedule.frames))
    if len(later):
        row = int(later[0])
        events = schedule.events
        end = int(events["start"][before[0]] + events["duration"][before[0]])
        raise ScheduleError(
            f"an event must not start before the one before it on the same frame ends, at tick {end}",
            given=f"tick {int(events['start'][row])}",
            where=place(schedule, row),
        )


def overlapping(
    schedule: Schedule, key: NDArray[np.integer[Any]], keys: int, some: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Events (or some) that start before the one before them (in their block, of equal key) ends, and those before them."""
    events = schedule.events
    group = schedule.block_of_event * keys + key
    group = group if some is None else group[some]
    if len(group) and group.max() < 2**16:
        group = group.astype(np.uint16)  # a stable sort of 16 bits is a radix sort
    order = np.argsort(group, kind="stable")
    group = group[order]
    order = order if some is None else some[order]
    start = events["start"][order]
    end = start + events["duration"][order]
    same = group[1:] == group[:-1]
    (found,) = (same & (start[1:] < end[:-1])).nonzero()
    return order[found + 1], order[found]


def _together(schedule: Schedule, limits: Limits, chords: Sequence[Chord]) -> None:
    """Count the carriers that sound at a time on a line."""
    ports = limits.ports
    for chord in chords:
        most = ports[chord.port].max_frames
        if len(chord.rows) <= most:
            continue
        sounding = chord.sum(np.ones(len(schedule.events)))
        if sounding.max() > most + 0.5:
            row = int(chord.rows[np.argmax(sounding)])
            raise ScheduleError(
                f"at most {most} carrier{'s'[: most - 1]} may sound at a time on port {schedule.ports[chord.port].name}",
                given=round(sounding.max()),
                where=place(schedule, row),
            )


@dataclass(frozen=True)
class Chord:
    """What sounds together on a port where any events overlap.

    Attributes:
        schedule: Where.
        port: Its number.
        rows: Its events.
    """

    schedule: Schedule
    port: int
    rows: NDArray[np.int64]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Order of their starts, then their ends, by time."""
        events, block = self.schedule.events[self.rows], self.schedule.block_of_event[self.rows]
        edges = np.concatenate([events["start"], events["start"] + events["duration"]])
        begins = np.arange(len(edges)) < len(events)  # at one tick, what ends is silent before the next begins
        return np.lexsort((begins, edges, np.concatenate([block, block])))

    def sum(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the weights ``float64[events]`` of what sounds when each of the rows has started."""
        mine = weight[self.rows]
        level = np.concatenate([mine, -mine])
        level[self.order] = level[self.order].cumsum()
        return level[: len(mine)]


@lru_cache(maxsize=TEMPLATES)
def chords(schedule: Schedule) -> tuple[Chord, ...]:
    """What sounds together; where no two events of one frame overlap, which is checked before anything is summed."""
    events = schedule.events
    later, _ = overlapping(schedule, events["port"], len(schedule.ports))
    ports = sorted(set(events["port"][later].tolist()))
    return tuple(Chord(schedule, port, (events["port"] == port).nonzero()[0]) for port in ports)
