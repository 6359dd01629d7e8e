"""Least squares with honest errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import leastsq

from qpu_calibration.axis import Values

MOST = 8.0
"""Chi square per degree of freedom up to which a curve is believed; calibrated devices leave 1, others up to 4."""
SLOW = 20.0
"""The same where shots of a point share slow noise: 4 kHz of 1/f noise, twenty times the usual, leave up to 15."""
LONE = 6.0
"""How far off a single point may be (`CurveFit.lone`); by chance it is up to 4."""
BEST_STARTS = 3
"""Of all starts, the search begins at so many: those whose curves are nearest to the data."""
_STEP = 1e-5
"""Step of central differences, in units of the number; their error goes with its square."""
_ENDS = {"ftol": 1.5e-8, "xtol": 1.5e-8, "gtol": 0.0, "maxfev": 8000}
_STUCK = 1e-2
"""A bounded number counts as at its bound where its slope (`_Within.slope`) is below this share of that in mid-span."""
_USUAL = 1.4826
"""Standard deviation of normal numbers over the median of their sizes."""
_OFF = 1e-12
"""Share of the span by which starts keep away from bounds: on a bound the slope is 0, and nothing would move them."""


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

    def made(self, number: Callable[..., float], unit: str = "") -> tuple[float, float, str]:
        """A number made of all parameters, its error to first order, and its unit."""
        names, best = list(self.value), np.array(list(self.value.values()))
        if not self.cover.size:
            return number(**self.value), np.inf, unit
        sure = np.sqrt(np.diag(self.cover))
        steps = 1e-3 * np.diag(np.where(best == 0.0, sure, np.minimum(sure, np.abs(best))))
        both = [[number(**dict(zip(names, best + sign * step, strict=True))) for step in steps] for sign in (1, -1)]
        slope = (np.array(both[0]) - np.array(both[1])) / np.maximum(2 * np.diag(steps), 1e-300)
        return number(**self.value), float(np.sqrt(max(slope @ self.cover @ slope, 0.0))), unit


def fit_curve(
    model: Callable[..., Values],
    x: Values,
    y: Values,
    sigma: Values,
    starts: Iterable[Mapping[str, float]],
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> CurveFit:
    """Fit ``model(x, **parameters)`` by least squares (Levenberg and Marquardt, MINPACK) from several starts; the best is taken.

    The points' own errors are the weights. Where the residuals scatter more than they say (slow noise, a model that leaves
    something out) the parameters' errors grow by the square root of `CurveFit.chi_square`.

    Args:
        model: The curve. Parameters come as numbers and as columns ``float64[k, 1]``, for k curves ``float64[k, n]`` at once.
        x: ``float64[n]``, or ``float64[m, n]`` where a point has m numbers.
        y: ``float64[n]``.
        sigma: Standard error of each ``y``.
        starts: Where to begin; each names all parameters.
        bounds: Parameter -> least and greatest value.
    """
    given = list(starts)
    names = list(given[0])
    residuals = _Residuals(model, x, y, sigma, names, _Within.of(names, bounds or {}))
    with np.errstate(all="ignore"):
        best = residuals.smallest(np.array([[start[name] for name in names] for start in given]))
    if best is None:
        return CurveFit(dict.fromkeys(names, np.nan), dict.fromkeys(names, np.inf), np.inf)
    free, spread, left = best
    reduced = float(left @ left) / max(1, y.size - len(names))
    errors, cover = np.full(len(names), np.inf), np.zeros((0, 0))
    if spread is not None:
        errors, cover = residuals.uncertainty(free, spread, max(1.0, reduced))
    off = np.abs(left)
    lone = float(off.max() / max(1.0, _USUAL * np.median(off)))
    value = residuals.within.bound(free).tolist()
    return CurveFit(dict(zip(names, value, strict=True)), dict(zip(names, errors.tolist(), strict=True)), reduced, cover, lone)


@dataclass(frozen=True)
class _Residuals:
    """What points are off a model by, in units of their errors, as a function of free numbers (`_Within`).

    Attributes:
        model: The curve, as in `fit_curve`.
        x: Of the points.
        y: Of the points.
        sigma: Of the points.
        names: Of the parameters.
        within: Their bounds.
    """

    model: Callable[..., Values]
    x: Values
    y: Values
    sigma: Values
    names: list[str]
    within: _Within

    def smallest(self, starts: Values) -> tuple[Values, Values | None, Values] | None:
        """Search from the starts (``float64[starts, k]``, parameters) that are nearest to the data.

        Returns:
            The best free numbers, their covariance if the data say it, and the residuals; None if no start leads anywhere.
        """
        best, least = None, np.inf
        frees = self.within.free(starts)
        squares = (self._each(frees) ** 2).sum(axis=1)
        for free in frees[np.argsort(squares, kind="stable")[:BEST_STARTS]]:
            try:
                found, spread, info, _, _ = leastsq(self._one, free, Dfun=self._slopes, col_deriv=True, full_output=True, **_ENDS)
            except FloatingPointError:
                continue
            square = float(info["fvec"] @ info["fvec"])
            if square < least:
                best, least = (found, spread, info["fvec"]), square
        return best

    def uncertainty(self, free: Values, spread: Values, grown: float) -> tuple[Values, Values]:
        """Standard errors and covariances of the parameters.

        Args:
            free: The best free numbers.
            spread: Their covariance.
            grown: Factor on all variances.
        """
        slope = self.within.slope(free)
        errors = np.sqrt(np.diag(spread) * grown) * np.abs(slope)
        stuck = self.within.bounded & (np.abs(np.cos(free)) < _STUCK)
        return errors, self._unbounded(free) * grown if stuck.any() else spread * np.outer(slope, slope) * grown

    def _each(self, frees: Values) -> Values:
        """Residuals, one row for each row of free numbers."""
        columns = self.within.bound(frees).T[:, :, None]
        return np.asarray((self.model(self.x, **dict(zip(self.names, columns, strict=True))) - self.y) / self.sigma)

    def _one(self, free: Values) -> Values:
        numbers = self.within.bound(free).tolist()
        found = np.asarray((self.model(self.x, **dict(zip(self.names, numbers, strict=True))) - self.y) / self.sigma)
        if not np.isfinite(found @ found):
            raise FloatingPointError
        return found

    def _slopes(self, free: Values) -> Values:
        steps = _STEP * np.where(self.within.bounded | (free == 0.0), 1.0, np.abs(free))
        both = self._each(np.concatenate([free + np.diag(steps), free - np.diag(steps)]))
        return np.asarray((both[: len(free)] - both[len(free) :]) / (2 * steps[:, None]))

    def _unbounded(self, free: Values) -> Values:
        """Covariances as if there were no bounds: at a bound nothing moves a number, though it is not known any better there."""
        within = self.within
        here, steps = within.bound(free), np.diag(_STEP * (within.high - within.low + np.abs(free) * ~within.bounded))
        both = [
            self.model(self.x, **dict(zip(self.names, (here + way).T[:, :, None], strict=True))) / self.sigma
            for way in (steps, -steps)
        ]
        rows = (both[0] - both[1]) / (2 * np.diag(steps)[:, None])
        size = np.linalg.norm(rows, axis=1)
        size[size == 0.0] = np.inf  # what changes nothing
        unit = rows / size[:, None]
        return np.asarray(np.linalg.pinv(unit @ unit.T, hermitian=True) / np.outer(size, size))


@dataclass(frozen=True)
class _Within:
    """Free numbers that stand for bounded ones: ``low + (1 + sin(free)) (high - low) / 2`` (James and Roos, MINUIT).

    Attributes:
        low: Of each parameter; 0 where there is no bound.
        high: Of each.
        bounded: Which have bounds.
    """

    low: Values
    high: Values
    bounded: NDArray[np.bool_]

    @classmethod
    def of(cls, names: Iterable[str], bounds: Mapping[str, tuple[float, float]]) -> _Within:
        known = [bounds.get(name) for name in names]
        low, high = np.array([(0.0, 0.0) if one is None else one for one in known]).T
        return cls(low, high, np.array([one is not None for one in known]))

    def bound(self, free: Values) -> Values:
        return np.where(self.bounded, self.low + (1 + np.sin(free)) * (self.high - self.low) / 2, free)

    def free(self, bound: Values) -> Values:
        share = (bound - self.low) / np.where(self.bounded, self.high - self.low, 1.0)
        return np.where(self.bounded, np.arcsin(2 * np.clip(share, _OFF, 1 - _OFF) - 1), bound)

    def slope(self, free: Values) -> Values:
        """Derivative of the bounded numbers by the free ones."""
        return np.where(self.bounded, np.cos(free) * (self.high - self.low) / 2, 1.0)


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
