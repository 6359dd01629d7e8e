"""Curves through points by least squares, with honest errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qpu_calibration.axis import Values

MOST = 8.0
"""Chi square per degree of freedom up to which a curve is believed; calibrated devices leave 1, others up to 4."""
SLOW = 20.0
"""The same where shots of a point share slow noise: 4 kHz of 1/f noise, twenty times the usual, leave up to 15."""
LONE = 6.0
"""How far off a single point may be (`CurveFit.lone`); by chance it is up to 4."""


@dataclass(frozen=True)
class CurveFit:
    """A curve through points.

    Attributes:
        value: Parameter -> best value.
        error: Parameter -> standard error; inf where the data do not say.
        chi_square: Per degree of freedom, against the errors of the points.
        lone: How far off the worst point is, in its errors and in what is usual among the others where these are off further.
        cover: Covariances of the parameters in their order, ``float64[k, k]``, as if there were no bounds; empty where the data
            do not say.
    """

    value: Mapping[str, float]
    error: Mapping[str, float]
    chi_square: float
    cover: Values = field(default_factory=lambda: np.zeros((0, 0)), compare=False)
    lone: float = 0.0

    def of(self, name: str, unit: str = "", scale: float = 1.0) -> tuple[float, float, str]:
        """Value, error and unit of one parameter, as `fit.good` takes them."""
        return self.value[name] * scale, self.error[name] * abs(scale), unit

    def fault(self, most: float = MOST) -> str:
        """Why these points are not those of the curve; empty if they may be."""
        if self.chi_square > most:
            return "the points do not follow the curve"
        lonely = self.lone > LONE * np.sqrt(most / MOST)
        return "a point lies far off the curve that the others follow" if lonely else ""

    def around(self) -> dict[str, Values]:
        """The parameters as they are, then with each of them a little more, and a little less: ``float64[1 + 2 k]``."""
        best, steps = np.array(list(self.value.values())), np.diag(self._steps)
        return dict(zip(self.value, np.vstack([best, best + steps, best - steps]).T, strict=True))

    def told(self, numbers: Values, unit: str = "") -> tuple[float, float, str]:
        """A number that is made of the parameters, its error to first order, and its unit.

        Args:
            numbers: What it is for the parameters `around`.
            unit: Its own.
        """
        if not self.cover.size:
            return float(numbers[0]), np.inf, unit
        more, less = np.split(numbers[1:], 2)
        slope = (more - less) / np.maximum(2 * self._steps, 1e-300)
        return float(numbers[0]), float(np.sqrt(np.maximum(slope @ self.cover @ slope, 0.0))), unit

    @property
    def _steps(self) -> Values:
        if not self.cover.size:
            return np.zeros(len(self.value))
        best, sure = np.array(list(self.value.values())), np.sqrt(np.diag(self.cover))
        return 1e-3 * np.where(best == 0.0, sure, np.minimum(sure, np.abs(best)))


def several(**found: CurveFit) -> CurveFit:
    """Fits of several curves as one, for the figure: parameters are named ``curve.parameter``, the worst says what is off."""
    value = {f"{curve}.{name}": one.value[name] for curve, one in found.items() for name in one.value}
    error = {f"{curve}.{name}": one.error[name] for curve, one in found.items() for name in one.error}
    square, lone = (max(getattr(one, name) for one in found.values()) for name in ("chi_square", "lone"))
    return CurveFit(value, error, square, lone=lone)


def random_effect(sigma: Values, pattern: Values, rest: Values, free: int, most: float) -> Values:
    """Errors of points that something moves, another for each and of unknown size: slow noise moves some more than others.

    The variance of that something is the mean of all that the residuals make likely (a flat prior of its root).

    Args:
        sigma: Errors of the points without it.
        pattern: By how much a unit of it moves each.
        rest: Residuals.
        free: Parameters that were fitted.
        most: Its largest standard deviation.
    """
    sizes = np.linspace(0, most, 51)
    variance = sigma**2 + np.multiply.outer(sizes, pattern) ** 2
    square = rest**2 * rest.size / max(1, rest.size - free)
    likely = -(np.log(variance) + square / variance).sum(axis=1) / 2
    weight = np.exp(likely - likely.max())
    return np.asarray(np.sqrt(sigma**2 + float(weight @ sizes**2 / weight.sum()) * pattern**2))
