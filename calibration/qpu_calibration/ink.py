"""Ink: what a page is written with; frames by key, slots by content."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import SettingsError
from qpu_bridge.schedule import Builder, SlotKind, SlotRef, Table, Waveform
from qpu_bridge.target import Curve
from qpu_bridge.units import Clock
from qpu_calibration.axis import Values

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

Number = float | Values
"""One for all rows, or ``float64[rows]``: most are the same in all rows, and an array costs ten times as much."""

_KINDS = tuple(SlotKind)
_CODE = {kind: np.float64(code) for code, kind in enumerate(_KINDS)}


class Ink:
    """A builder that turns numbers of rows into constants or slots.

    Args:
        clock: Timeline clock.
        rows: Of the table.

    Attributes:
        build: Builds the schedule.
        frames: Carrier (`Carriers.use`) -> its frame in the schedule.
        columns: Columns of the table, ``float64[rows]`` or some at once, ``float64[columns, rows]``.
        measured: Measurement of a page, by name -> its column of results.
    """

    def __init__(self, clock: Clock, rows: int) -> None:
        self.build = Builder(clock)
        self.frames: dict[str, int] = {}
        self.columns: list[Values] = []
        self.measured: dict[str, int] = {}
        self._rows = rows
        # kind and numbers in one text: a tuple of both would be looked at by the collector of garbage, again and again
        self._slots: dict[bytes, int] = {}

    def slot(self, kind: SlotKind, values: Values) -> SlotRef:
        """The slot that holds these numbers, one per row."""
        key = _CODE[kind].tobytes() + values.tobytes()
        if key not in self._slots:
            self._slots[key] = self.build.slot(kind).index
            self.columns.append(values)
        return SlotRef(self._slots[key], kind)

    def slots(self, kinds: Sequence[SlotKind], wanted: NDArray[np.bool_], numbers: Values) -> NDArray[np.int64]:
        """The slots that hold many numbers, one after the other as `slot` would declare them.

        Args:
            kinds: Of the numbers of each play.
            wanted: ``bool[plays, kinds]``, which of them.
            numbers: ``float64[plays, kinds, rows]``.

        Returns:
            ``int[wanted]``.
        """
        coded = np.empty((np.count_nonzero(wanted), 1 + self._rows))
        coded[:, 0], coded[:, 1:] = np.array([_CODE[kind] for kind in kinds])[np.nonzero(wanted)[1]], numbers[wanted]
        text, size = coded.tobytes(), coded.itemsize * coded.shape[1]
        keys = [text[first : first + size] for first in range(0, len(text), size)]
        fresh = [key for key in dict.fromkeys(keys) if key not in self._slots]
        new = np.frombuffer(b"".join(fresh)).reshape(-1, 1 + self._rows)
        self._slots.update(zip(fresh, self.build.slots([_KINDS[code] for code in new[:, 0].astype(int).tolist()]), strict=True))
        self.columns.append(new[:, 1:])
        return np.fromiter(map(self._slots.__getitem__, keys), np.int64, len(keys))

    def table(self) -> Table:
        """The rows that fill the slots."""
        columns = np.concatenate([np.atleast_2d(some) for some in self.columns]) if self.columns else np.zeros((0, self._rows))
        return Table(columns.T)

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
    if type(number) is float:
        return number
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
    # a quarter of a second to import, for gates with angles alone
    from scipy.interpolate import CubicSpline

    return CubicSpline(curve.angle, curve.value)
