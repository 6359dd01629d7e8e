"""Rules for numbers that slots change: amplitudes, and the values themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Linear
from qpu_bridge.schedule.check.lines import chords, start_grain
from qpu_bridge.schedule.check.place import place, port_limits
from qpu_bridge.schedule.event import NONE, Operation
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind, Table

_ROUND = 1e-9
"""Sums of numbers that were meant to meet a limit exactly may pass it by this much."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Smallest and largest value of each slot over all rows and sweep points.

    Attributes:
        low: ``float64[slots + 1]``; nan where not known yet (a table fills it) or of no concern (a phase). The last entry is
            for "no slot": 0.
        high: ``float64[slots + 1]``.
        table: The table, if there is one, to name the row of an offending value.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    table: Table | None = None

    @classmethod
    def of_axes(cls, schedule: Schedule) -> Bounds:
        """What the linear axes alone tell."""
        low = np.full(len(schedule.slots) + 1, np.nan)
        high = low.copy()
        low[-1] = high[-1] = 0.0
        for loop in schedule.loops:
            if isinstance(loop, Linear):
                ends = (loop.start, loop.start + (loop.count - 1) * loop.step)
                low[loop.slot], high[loop.slot] = min(ends), max(ends)
        return cls(low, high)

    @classmethod
    def of_table(cls, schedule: Schedule, table: Table) -> Bounds:
        """What the rows of a table and the linear axes tell."""
        axes = cls.of_axes(schedule)
        low, high = axes.low.copy(), axes.high.copy()
        bounded = np.array([slot.kind is not SlotKind.PHASE for slot in schedule.slots], dtype=bool)  # any phase will do
        free = np.flatnonzero(np.isnan(low[:-1]) & bounded)
        if len(table) and len(free):
            values = table.values[:, free]
            low[free], high[free] = values.min(axis=0), values.max(axis=0)
        return cls(low, high, table)

    def where(self, slot: int, value: float) -> str:
        """Name a slot, and the row in which it takes a value."""
        if slot == NONE:
            return ""
        text = f"slot {slot}"
        if self.table is None or not len(self.table):
            return text
        rows = np.flatnonzero(self.table.values[:, slot] == value)
        return f"{text}, row {rows[0]}" if len(rows) else text


def check_values(schedule: Schedule, table: Table, limits: Limits) -> None:
    """Check that a table fits the slots: its width, its bits, its whole ticks."""
    if table.values.shape[1] != len(schedule.slots):
        raise ScheduleError(
            f"a table must have one column for each of the {len(schedule.slots)} slots", given=table.values.shape[1]
        )
    swept = {loop.slot for loop in schedule.loops if isinstance(loop, Linear)}
    grids: dict[int | None, list[int]] = {}
    for index, slot in enumerate(schedule.slots):
        if index not in swept and (slot.bits is not None or slot.kind is SlotKind.DURATION):
            grids.setdefault(slot.bits, []).append(index)
    for bits, columns in grids.items():
        grid = 1.0 if bits is None else 2 * np.pi / 2**bits
        steps = table.values[:, columns] / grid
        off = np.abs(steps - np.rint(steps)) > _ROUND * np.maximum(1, np.abs(steps))
        if off.any():
            row, column = np.argwhere(off)[0].tolist()
            whole = "a whole number of ticks"
            raise ScheduleError(
                "a slot's value must be " + (whole if bits is None else f"a multiple of 2 pi / {2**bits}, as {bits} bits tell"),
                given=float(table.values[row, columns[column]]),
                where=f"slot {columns[column]}, row {row}",
            )


def check_ranges(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    """Check amplitudes and swept durations."""
    _amplitudes(schedule, limits, bounds)
    _durations(schedule, limits, bounds)


def _amplitudes(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    events = schedule.events
    if not len(events):
        return
    ports = port_limits(schedule, limits)
    slot = events["amplitude_slot"]
    factor = np.nan_to_num(np.maximum(np.abs(bounds.low), np.abs(bounds.high)))
    factor[-1] = 1.0
    envelope = np.array([wave.peak for wave in schedule.waveforms] or [0.0])[events["waveform"]]
    peak = np.where(events["operation"] == Operation.PLAY, np.abs(events["amplitude"]) * factor[slot] * envelope, 0.0)
    most = np.array([port.max_amplitude for port in ports])[events["port"]]
    over = peak > most + _ROUND
    if over.any():
        row = int(np.argmax(over))
        named = int(slot[row])
        value = bounds.high[named] if abs(bounds.high[named]) >= abs(bounds.low[named]) else bounds.low[named]
        which = bounds.where(named, value)
        raise ScheduleError(
            f"amplitude times envelope must have magnitude at most {most[row]}",
            given=float(peak[row]),
            where=place(schedule, row) + (f", {which}" if which else ""),
        )
    if all(port.max_sum is None for port in ports):
        return
    for port, rows, total in chords(schedule, peak):
        loudest = ports[port].max_sum
        if loudest is not None and total.max() > loudest + _ROUND:
            row = int(rows[np.argmax(total)])
            raise ScheduleError(
                f"carriers that sound together on a port must add up to a magnitude of at most {loudest}",
                given=float(total.max()),
                where=place(schedule, row),
            )


def _durations(schedule: Schedule, limits: Limits, bounds: Bounds) -> None:
    grain = start_grain(schedule, limits)
    events = schedule.events
    for block in schedule.straight_blocks():
        slot = block.duration_slot
        if slot == NONE or np.isnan(bounds.low[slot]):
            continue
        inside = events[block.first : block.last]
        needed = int((inside["start"] + inside["duration"]).max(initial=0))
        where = f"straight block of events {block.first} to {block.last}, {bounds.where(slot, bounds.low[slot])}"
        if block.duration + bounds.low[slot] < needed:
            raise ScheduleError(
                f"a straight block must last at least {needed} ticks, as its events do",
                given=block.duration + float(bounds.low[slot]),
                where=where,
            )
        for value in _swept_values(schedule, slot, bounds):
            if abs(value / grain - round(value / grain)) > _ROUND * max(1.0, abs(value)):
                raise ScheduleError(f"a swept wait must be a multiple of {grain} ticks", given=float(value), where=f"slot {slot}")


def _swept_values(schedule: Schedule, slot: int, bounds: Bounds) -> NDArray[np.float64]:
    for loop in schedule.loops:
        if isinstance(loop, Linear) and loop.slot == slot:
            return np.array([loop.start, loop.step if loop.count > 1 else 0.0])
    return np.zeros(0) if bounds.table is None else np.unique(bounds.table.values[:, slot])
