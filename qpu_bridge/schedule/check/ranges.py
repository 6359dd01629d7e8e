"""Rules for numbers that slots change: amplitudes, and the values themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.check.lines import Chord
from qpu_bridge.schedule.check.place import of_lines, place
from qpu_bridge.schedule.check.structure import MOST_PHASE
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.limits import Limits
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.slot import SlotKind, Table

ROUND = 1e-9
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
        for slot, (sweep, count) in schedule.swept.items():
            ends = (sweep.start, sweep.start + (count - 1) * sweep.step)
            low[slot], high[slot] = min(ends), max(ends)
        return cls(low, high)

    @classmethod
    def of_table(cls, schedule: Schedule, table: Table) -> Bounds:
        """What the rows of a table and the linear axes tell."""
        axes = cls.of_axes(schedule)
        low, high = axes.low.copy(), axes.high.copy()
        bounded = schedule.slot_kinds != SlotKind.PHASE.value  # any phase will do
        free = np.flatnonzero(np.isnan(low[:-1]) & bounded)
        if len(table) and len(free):
            values = table.values[:, free]
            low[free], high[free] = values.min(axis=0), values.max(axis=0)
        return cls(low, high, table)

    def known(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both, with 0 for what is not known."""
        if len(self.low) == 1:
            return self.low, self.high
        unknown = np.isnan(self.low)
        return np.where(unknown, 0.0, self.low), np.where(unknown, 0.0, self.high)

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
    if not schedule.slots:
        return
    kinds, filled = schedule.slot_kinds, np.ones(len(schedule.slots), bool)
    filled[list(schedule.swept)] = False
    phases = np.flatnonzero(filled & (kinds == SlotKind.PHASE.value))
    large = np.abs(table.values[:, phases]) > MOST_PHASE
    if large.any():
        row, column = np.argwhere(large)[0].tolist()
        raise ScheduleError(
            f"a phase must be at most {MOST_PHASE:g} rad",
            given=float(table.values[row, phases[column]]),
            where=f"slot {phases[column]}, row {row}",
        )
    grids: dict[int | None, list[int]] = {}
    coarse = np.array([slot.bits is not None for slot in schedule.slots])
    for index in np.flatnonzero(filled & (coarse | (kinds == SlotKind.DURATION.value))).tolist():
        grids.setdefault(schedule.slots[index].bits, []).append(index)
    for bits, columns in grids.items():
        grid = 1.0 if bits is None else 2 * np.pi / 2**bits
        steps = table.values[:, columns] / grid
        off = np.abs(steps - np.rint(steps)) > ROUND * np.maximum(1, np.abs(steps))
        if off.any():
            row, column = np.argwhere(off)[0].tolist()
            whole = "a whole number of ticks"
            raise ScheduleError(
                "a slot's value must be " + (whole if bits is None else f"a multiple of 2 pi / {2**bits}, as {bits} bits tell"),
                given=float(table.values[row, columns[column]]),
                where=f"slot {columns[column]}, row {row}",
            )


def check_ranges(schedule: Schedule, limits: Limits, bounds: Bounds, chords: Sequence[Chord]) -> None:
    """Check amplitudes, alone and where they add up on a line."""
    events = schedule.events
    if not len(events):
        return
    ports = limits.ports
    slot = events["amplitude_slot"]
    low, high = bounds.known()
    factor = np.maximum(np.abs(low), np.abs(high))
    factor[-1] = 1.0
    envelope = np.array([wave.peak for wave in schedule.waveforms] or [0.0])[events["waveform"]]
    peak = np.abs(events["amplitude"]) * factor[slot] * envelope
    peak[schedule.captures] = 0.0
    most = of_lines(limits)["max_amplitude"][events["port"]]
    over = peak > most + ROUND
    if np.count_nonzero(over):
        row = int(np.argmax(over))
        named = int(slot[row])
        value = bounds.high[named] if abs(bounds.high[named]) >= abs(bounds.low[named]) else bounds.low[named]
        which = bounds.where(named, value)
        raise ScheduleError(
            f"amplitude times envelope must have magnitude at most {most[row]}",
            given=float(peak[row]),
            where=place(schedule, row) + (f", {which}" if which else ""),
        )
    for chord in chords:
        loudest = ports[chord.port].max_sum
        if loudest is None or peak[chord.rows].sum() <= loudest:
            continue  # not even all of them at once
        total = chord.sum(peak)
        if total.max() > loudest + ROUND:
            row = int(chord.rows[np.argmax(total)])
            raise ScheduleError(
                f"carriers that sound together on a port must add up to a magnitude of at most {loudest}",
                given=float(total.max()),
                where=place(schedule, row),
            )
