"""Axes: what a routine varies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Limits
from qpu_bridge.target import Snapshot

Values = NDArray[np.float64]
Reach = Callable[[Limits], tuple[Values, Values]]
"""From the limits of a device, within the bounds of the rack file, to the least and the largest value that an axis may have,
``float64[1 or targets]`` each."""

WAIT_SHARE = 0.9
"""Share of the longest shot that a wait may take; pulses and readout need the rest."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One thing that is varied.

    Attributes:
        name: Of the dimension in the data, for example ``amplitude``.
        values: ``float64[points]`` for all targets, or ``float64[targets, points]``: then each target has its own.
        unit: ``Hz``, ``s``, ``rad``; empty for plain numbers and fractions of full scale.
        stepped: False: the numbers fill slots of one schedule (amplitude, phase, frequency, wait). True: every point is a
            schedule of its own, since a waveform or a number of pulses differs.
        reach: How far it may go on a device (see `reach.py`); None if nothing limits it.
        step: All numbers are multiples of this; 0 if any number will do.
        held: The first so many points are no part of the scan: `within` does not move them.
    """

    name: str
    values: Values
    unit: str = ""
    stepped: bool = False
    reach: Reach | None = None
    step: float = 0.0
    held: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values, np.float64))

    @property
    def points(self) -> int:
        """How many."""
        return int(self.values.shape[-1])

    @property
    def dimension(self) -> str:
        """Name of the dimension: a coordinate that differs from target to target cannot be one itself."""
        return self.name if self.values.ndim == 1 else f"{self.name}_point"

    @property
    def rows(self) -> Values:
        """``float64[1 or targets, points]``."""
        return np.atleast_2d(self.values)

    def within(self, limits: Limits) -> Axis:
        """The same scan, compressed into what the device's lines allow.

        A scan that lies wholly outside stays as it is: the check of the schedule then refuses it, and says why.
        """
        if self.reach is None:
            return self
        rows = self.rows[:, self.held :]
        low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
        least, most = (bound[:, None] for bound in self.reach(limits))
        first, last = np.maximum(low, least), np.minimum(high, most)
        over = ((first > low) | (last < high)) & (first < last)
        if not over.any():
            return self
        drawn = first + (rows - low) * ((last - first) / np.where(high > low, high - low, 1.0))
        drawn = np.where(over, np.clip(drawn, least, most), rows)
        if self.step:
            drawn = np.floor(drawn / self.step * (1 + 1e-12)) * self.step
        values = np.concatenate([self.rows[:, : self.held] + 0 * drawn[:, :1], drawn], axis=1)
        # what all targets share may now hold equal points
        first = np.sort(np.unique(values[0], return_index=True)[1])
        return replace(self, values=values if self.values.ndim == 2 else values[0, first])


def delays(snapshot: Snapshot, seconds: Values, name: str = "delay", parts: int = 1) -> Axis:
    """An axis of waits, each moved to the nearest that the machine can wait for; equal ones are one.

    Args:
        snapshot: Its clock and granularity are the grid.
        seconds: ``float64[points]``, s: all ports wait together, so that all targets share them.
        name: Of the dimension.
        parts: In how many equal parts a wait will be played (2 for an echo).
    """
    grain = float(snapshot.timing.dt) * snapshot.timing.granularity * parts
    return Axis(name, np.unique(np.rint(np.asarray(seconds) / grain)) * grain, "s", reach=_within_a_shot, step=grain)


def _within_a_shot(limits: Limits) -> tuple[Values, Values]:
    return np.zeros(1), np.array([WAIT_SHARE * limits.max_duration * float(limits.dt)])
