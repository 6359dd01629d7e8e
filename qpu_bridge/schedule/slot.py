"""Slots: the numbers of a template that differ from row to row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError


class SlotKind(StrEnum):
    """What a slot's number does to the events (or the block) that name it.

    Frequencies are offsets from what the event states, phases and waits are added, amplitudes multiply.
    """

    PHASE = "phase"  # rad, added
    AMPLITUDE = "amplitude"  # factor
    FREQUENCY = "frequency"  # Hz, added
    DURATION = "duration"  # ticks, a whole number, added to a straight block's duration
    VALUE = "value"  # read by a real-time expression


@dataclass(frozen=True, slots=True)
class Slot:
    """A number to be filled in per row, or swept by a `Linear` loop.

    Attributes:
        kind: What the number does.
        bits: How many bits (0 to 32) tell all its values apart on a grid of ``2 pi / 2**bits`` (a Pauli twirl needs 2), so that
            a driver can pack a table; None if it may be any number.
    """

    kind: SlotKind
    bits: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Rows of slot values.

    Attributes:
        values: ``float64[rows, slots]``, columns in the order of the schedule's slots. Columns of slots that a
            `Linear` loop sweeps are ignored. Read-only; the table takes the array over, whoever gave it writes no more.
    """

    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype="<f8").view()
        if values.ndim != 2:
            raise ScheduleError("a table of slot values must have two axes (rows, slots)", given=values.shape)
        if not _finite(values):
            row, slot = np.argwhere(~np.isfinite(values))[0].tolist()
            raise ScheduleError("slot values must be finite", given=str(values[row, slot]), where=f"{row=}, {slot=}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @classmethod
    def single(cls) -> Table:
        """One row of a schedule without slots."""
        return cls(np.zeros((1, 0)))

    def __len__(self) -> int:
        return len(self.values)

    def phase_bits(self, limit: int = 12) -> list[int | None]:
        """Fewest bits per column on the grid ``2 pi / 2**bits``, None where more than ``limit`` are needed."""
        turns = self.values / (2 * np.pi)
        found: list[int | None] = [None] * turns.shape[1]
        for bits in range(limit, -1, -1):
            scaled = turns * 2**bits
            fits = (np.abs(scaled - np.rint(scaled)) < 1e-9 * 2**bits).all(axis=0)
            for column in np.flatnonzero(fits):
                found[column] = bits
        return found


def _finite(values: NDArray[np.float64]) -> bool:
    """Whether all are; the table of a small job is read faster than an array operation begins."""
    if values.size <= 64:
        return all(map(isfinite, values.ravel().tolist()))
    return bool(np.isfinite(values).all())
