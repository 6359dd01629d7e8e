"""Bounds of a curve's parameters: free numbers that stand for bounded ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.axis import Values

Index = NDArray[np.intp]

_OFF = 1e-9
"""Share of the span by which numbers keep away from bounds: on a bound the slope is 0, and nothing would move them."""

_NEAR = 10.0
"""Tangent of free numbers from which on the numbers that they stand for are near a bound: 0.0025 of the span."""


@dataclass(frozen=True)
class Bounds:
    """``low + (1 + sin(free)) (high - low) / 2`` (James and Roos, MINUIT), of many searches.

    Attributes:
        low: Of each parameter, ``float64[searches, k]``; 0 where there is no bound.
        high: Of each.
        bounded: Which have bounds, ``bool[k]``.
    """

    low: Values
    high: Values
    bounded: NDArray[np.bool_]

    @classmethod
    def of(cls, names: Sequence[str], bounds: Sequence[Mapping[str, tuple[float, float]]]) -> Bounds:
        """Those that are named in one mapping for each search."""
        ends = np.array([[one.get(name, (0.0, 0.0)) for name in names] for one in bounds])
        return cls(ends[..., 0], ends[..., 1], np.array([name in bounds[0] for name in names]))

    def at(self, which: Index) -> Bounds:
        """Those of some searches."""
        return Bounds(self.low[which], self.high[which], self.bounded)

    def bound(self, free: Values) -> Values:
        """What free numbers ``float64[..., searches, k]`` stand for."""
        if not self.bounded.any():
            return free
        return np.where(self.bounded, self.low + (1 + np.sin(free)) * (self.high - self.low) / 2, free)

    def free(self, bound: Values) -> Values:
        """The free numbers that stand for these."""
        share = (bound - self.low) / np.where(self.bounded, self.high - self.low, 1.0)
        return np.where(self.bounded, np.arcsin(2 * np.clip(share, _OFF, 1 - _OFF) - 1), bound)

    def off(self, bound: Values) -> Values:
        """Numbers kept away from their bounds."""
        least = _OFF * (self.high - self.low)
        return np.where(self.bounded, np.clip(bound, self.low + least, self.high - least), bound)

    def slope(self, free: Values) -> Values:
        """Derivative of the bounded numbers by the free ones."""
        return np.where(self.bounded, np.cos(free) * (self.high - self.low) / 2, 1.0)

    def bend(self, free: Values) -> Values:
        """Second derivative of the bounded numbers by the free ones, over the first, near bounds; elsewhere 0, as for others."""
        steep = np.tan(free)
        return np.where(self.bounded & (np.abs(steep) > _NEAR), -steep, 0.0)
