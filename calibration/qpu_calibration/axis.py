"""Axes: what a routine varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.target import Snapshot

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Axis:
    """One thing that is varied.

    Attributes:
        name: Of the dimension in the data, for example ``amplitude``.
        values: ``float64[points]`` for all targets, or ``float64[targets, points]``: then each target has its own.
        unit: ``Hz``, ``s``, ``rad``; empty for plain numbers and fractions of full scale.
        stepped: False: the numbers fill slots of one schedule (amplitude, phase, frequency, wait). True: every point is a
            schedule of its own, since a waveform, a number of pulses or a prepared state differs.
    """

    name: str
    values: Values
    unit: str = ""
    stepped: bool = False

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


def delays(snapshot: Snapshot, seconds: Values, name: str = "delay", parts: int = 1) -> Axis:
    """An axis of waits, each moved to the nearest that the machine can wait for; equal ones are one.

    Args:
        snapshot: Its clock and granularity are the grid.
        seconds: ``float64[points]``, s: all ports wait together, so that all targets share them.
        name: Of the dimension.
        parts: In how many equal parts a wait will be played (2 for an echo).
    """
    grain = float(snapshot.timing.dt) * snapshot.timing.granularity * parts
    return Axis(name, np.unique(np.rint(np.asarray(seconds) / grain)) * grain, "s")
