"""Ink: what a page is written with; frames by key, slots by content."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Builder, SlotKind, SlotRef, Waveform
from qpu_bridge.target import Curve
from qpu_bridge.units import Clock
from qpu_calibration.axis import Values

Number = float | Values
"""One for all rows, or ``float64[rows]``: most are the same in all rows, and an array costs ten times as much."""


class Ink:
    """A builder that turns numbers of rows into constants or slots.

    Args:
        clock: Timeline clock.
        rows: Of the table.

    Attributes:
        build: Builds the schedule.
        frames: Carrier (`Carriers.use`) -> its frame in the schedule.
        columns: Columns of the table, ``float64[rows]`` each.
        measured: Measurement of a page, by name -> its column of results.
    """

    def __init__(self, clock: Clock, rows: int) -> None:
        self.build = Builder(clock)
        self.frames: dict[str, int] = {}
        self.columns: list[Values] = []
        self.measured: dict[str, int] = {}
        self._slots: dict[tuple[SlotKind, bytes], SlotRef] = {}

    def slot(self, kind: SlotKind, values: Values) -> SlotRef:
        """The slot that holds these numbers, one per row."""
        key = (kind, values.tobytes())
        if key not in self._slots:
            self._slots[key] = self.build.slot(kind)
            self.columns.append(values)
        return self._slots[key]

    def duration(self, ticks: Values) -> int | SlotRef:
        """A wait in ticks."""
        return int(ticks[0]) if np.all(ticks == ticks[0]) else self.slot(SlotKind.DURATION, ticks)

    def play(self, key: str, envelope: Waveform, level: Number, phase: Number, at: int | None) -> None:
        """A play whose amplitude and phase are numbers or slots."""
        level, phase = plain(level), plain(phase)
        amplitude = level if isinstance(level, float) else self.slot(SlotKind.AMPLITUDE, level)
        turn = phase if isinstance(phase, float) else self.slot(SlotKind.PHASE, phase)
        self.build.play(self.frames[key], envelope, amplitude, turn, at=at)


def plain(number: Number) -> Number:
    """A plain number, where all rows have the same."""
    if isinstance(number, np.ndarray):
        return float(number[0]) if (number == number[0]).all() else number
    return float(number)


def at_angle(number: float | Curve, angle: float | None) -> float:
    """A number of a gate, at the angle of one with a curve."""
    if not isinstance(number, Curve):
        return number
    if angle is None:
        raise SettingsError("a gate with an angle must be given one", given="none")
    return float(_spline(number)(angle))


@lru_cache(maxsize=512)
def _spline(curve: Curve) -> CubicSpline:
    return CubicSpline(curve.angle, curve.value)
