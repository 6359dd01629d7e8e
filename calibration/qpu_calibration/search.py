"""Searches for the curve of some points; those of many targets go in step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.axis import Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import ROUTINE_ERRORS
from qpu_calibration.least_squares import STEP, End, Index, descend
from qpu_calibration.median import median

BEST_STARTS = 3
"""Of all starts, the search begins at so many: those whose curves are nearest to the data."""
_STUCK = 1e-2
"""A bounded number counts as at its bound where its slope (`_Within.slope`) is below this share of that in mid-span."""
_USUAL = 1.4826
"""Standard deviation of normal numbers over the median of their sizes."""
_OFF = 1e-12
"""Share of the span by which starts keep away from bounds: on a bound the slope is 0, and nothing would move them."""
_BLIND = 1e-14
"""Least eigenvalue of the derivatives' correlations at which data still say all numbers."""


@dataclass(frozen=True, eq=False)
class Search:
    """What is asked: ``model(x, **parameters)`` that fits some points best, from several starts.

    The points' own errors are the weights. Where the residuals scatter more than they say (slow noise, a model that leaves
    something out) the parameters' errors grow by the square root of `CurveFit.chi_square`.

    Attributes:
        model: The curve. Parameters come as numbers and as ``float64[targets, k, 1]``, for k curves of each target at once. Then
            ``x`` is as it is given, or ``float64[targets, 1, n]`` (``float64[m, targets, 1, n]``) where targets differ in it.
        x: ``float64[n]``, or ``float64[m, n]`` where a point has m numbers.
        y: ``float64[n]``.
        sigma: Standard error of each ``y``.
        starts: Where to begin; each names all parameters.
        bounds: Parameter -> least and greatest value.
    """

    model: Callable[..., Values]
    x: Values
    y: Values
    sigma: Values
    starts: Sequence[Mapping[str, float]]
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


T = TypeVar("T")
Asking = Generator[Search, CurveFit, T]
"""What asks for curves (``found = yield Search(...)``) on its way to a result."""


def in_step(everybody: Sequence[Asking[T]]) -> list[T]:
    """Let all of them go on side by side to their results, so that curves are fitted together (`fit_curves`)."""
    ended: dict[int, T] = {}
    going: dict[int, Callable[[], Search]] = {index: one.__next__ for index, one in enumerate(everybody)}
    while going:
        asked = {}
        for index, go_on in going.items():
            try:
                asked[index] = go_on()
            except StopIteration as end:
                ended[index] = end.value
        found = _fitted(list(asked.values()))
        going = {index: _told(everybody[index], one) for index, one in zip(asked, found, strict=True)}
    return [ended[index] for index in range(len(everybody))]


def fit_curves(searches: Sequence[Search]) -> list[CurveFit]:
    """Fit curves; those of one model, with as many points and starts, together. None depends on the others."""
    alike: dict[object, list[int]] = {}
    for index, one in enumerate(searches):
        key = (one.model, one.x.shape, tuple(one.starts[0]), len(one.starts), frozenset(one.bounds))
        alike.setdefault(key, []).append(index)
    found: dict[int, CurveFit] = {}
    with np.errstate(all="ignore"):
        for indices in alike.values():
            found |= zip(indices, _Group.of([searches[index] for index in indices]).fits(), strict=True)
    return [found[index] for index in range(len(searches))]


def _fitted(searches: Sequence[Search]) -> list[CurveFit | Exception]:
    """Curves, and why there is none."""
    try:
        return [*fit_curves(searches)]
    except ROUTINE_ERRORS as error:
        return [error] if len(searches) == 1 else [_fitted([one])[0] for one in searches]


def _told(one: Asking[T], found: CurveFit | Exception) -> Callable[[], Search]:
    return partial(one.throw, found) if isinstance(found, Exception) else partial(one.send, found)


@dataclass(frozen=True)
class _Group:
    """Searches of one model, ``targets`` of them.

    Attributes:
        model: As of `Search`.
        x: Of all of them, or ``float64[..., targets, 1, n]``.
        shared: Which of both.
        y: ``float64[targets, 1, n]``.
        sigma: Of the same shape.
        names: Of the parameters.
        within: Their bounds.
        starts: ``float64[targets, starts, k]``.
    """

    model: Callable[..., Values]
    x: Values
    shared: bool
    y: Values
    sigma: Values
    names: list[str]
    within: _Within
    starts: Values

    @classmethod
    def of(cls, searches: Sequence[Search]) -> _Group:
        first, names = searches[0], list(searches[0].starts[0])
        shared = all(np.array_equal(one.x, first.x) for one in searches[1:])
        x = first.x if shared else np.stack([one.x for one in searches], axis=-2)[..., None, :]
        y, sigma = (np.stack(part)[:, None] for part in zip(*((one.y, one.sigma) for one in searches), strict=True))
        starts = np.array([[[start[name] for name in names] for start in one.starts] for one in searches])
        return cls(first.model, x, shared, y, sigma, names, _Within.of(names, [one.bounds for one in searches]), starts)

    def fits(self) -> list[CurveFit]:
        """Search from the starts that are nearest to the data."""
        targets, frees = np.arange(len(self.starts)), self.within.free(self.starts)
        squares = (self._residuals(targets, frees) ** 2).sum(axis=-1)
        nearest = np.argsort(squares, axis=1, kind="stable")[:, :BEST_STARTS]
        owner = np.repeat(targets, nearest.shape[1])
        ends = descend(
            lambda which, free: self._residuals(owner[which], free), frees[owner, nearest.ravel()], self.within.bounded
        )
        best = targets * nearest.shape[1] + np.argmin(ends.square.reshape(nearest.shape), axis=1)
        return [self._fit(target, ends.of(one)) for target, one in enumerate(best)]

    def _fit(self, target: int, end: End) -> CurveFit:
        names = self.names
        if not np.isfinite(end.square):
            return CurveFit(dict.fromkeys(names, np.nan), dict.fromkeys(names, np.inf), np.inf)
        reduced = float(end.square) / max(1, end.left.size - len(names))
        errors, cover = self._uncertainty(target, end, max(1.0, reduced))
        off = np.abs(end.left)
        lone = float(off.max() / max(1.0, _USUAL * median(off)))
        value = self.within.at(target).bound(end.free).tolist()
        return CurveFit(
            dict(zip(names, value, strict=True)), dict(zip(names, errors.tolist(), strict=True)), reduced, cover, lone
        )

    def _uncertainty(self, target: int, end: End, grown: float) -> tuple[Values, Values]:
        """Standard errors and covariances of the parameters; inf and none where the data do not say all of them.

        Args:
            target: Whose.
            end: Of its search.
            grown: Factor on all variances.
        """
        within = self.within.at(target)
        slope = within.slope(end.free)
        size = np.linalg.norm(end.slopes, axis=1)
        unit = end.slopes / size[:, None]
        strength, ways = np.linalg.eigh(unit @ unit.T) if np.isfinite(unit).all() else (np.zeros(1), np.zeros((1, 1)))
        if strength[0] < _BLIND:
            return np.full(len(slope), np.inf), np.zeros((0, 0))
        spread = (ways / strength) @ ways.T / np.outer(size, size)
        errors = np.sqrt(np.diag(spread) * grown) * np.abs(slope)
        stuck = within.bounded & (np.abs(np.cos(end.free)) < _STUCK)
        return errors, (self._unbounded(target, end.free) if stuck.any() else spread * np.outer(slope, slope)) * grown

    def _unbounded(self, target: int, free: Values) -> Values:
        """Covariances as if there were no bounds: at a bound nothing moves a number, though it is not known any better there."""
        within = self.within.at(target)
        here, steps = within.bound(free), np.diag(STEP * (within.high - within.low + np.abs(free) * ~within.bounded))
        both = (self._curves(np.array([target]), (here + way)[None])[0] for way in (steps, -steps))
        rows = np.subtract(*both) / (self.sigma[target] * 2 * np.diag(steps)[:, None])
        size = np.linalg.norm(rows, axis=1)
        size[size == 0.0] = np.inf  # what changes nothing
        unit = rows / size[:, None]
        return np.asarray(np.linalg.pinv(unit @ unit.T, hermitian=True) / np.outer(size, size))

    def _residuals(self, which: Index, frees: Values) -> Values:
        """What points are off by in their errors, ``float64[which, c, n]``, for free numbers ``float64[which, c, k]``."""
        return np.asarray((self._curves(which, self.within.at(which).bound(frees)) - self.y[which]) / self.sigma[which])

    def _curves(self, which: Index, parameters: Values) -> Values:
        columns = np.moveaxis(parameters, -1, 0)[..., None]
        x = self.x if self.shared else self.x[..., which, :, :]
        return self.model(x, **dict(zip(self.names, columns, strict=True)))


@dataclass(frozen=True)
class _Within:
    """Free numbers that stand for bounded ones: ``low + (1 + sin(free)) (high - low) / 2`` (James and Roos, MINUIT).

    Attributes:
        low: Of each parameter, ``float64[targets, 1, k]``; 0 where there is no bound.
        high: Of each.
        bounded: Which have bounds, ``bool[k]``.
    """

    low: Values
    high: Values
    bounded: NDArray[np.bool_]

    @classmethod
    def of(cls, names: Sequence[str], bounds: Sequence[Mapping[str, tuple[float, float]]]) -> _Within:
        ends = np.array([[one.get(name, (0.0, 0.0)) for name in names] for one in bounds])[:, None]
        return cls(ends[..., 0], ends[..., 1], np.array([name in bounds[0] for name in names]))

    def at(self, which: Index | int) -> _Within:
        """Those of some targets; of one, without the axes before the parameters."""
        low, high = self.low[which], self.high[which]
        return _Within(low[0], high[0], self.bounded) if low.ndim == 2 else _Within(low, high, self.bounded)

    def bound(self, free: Values) -> Values:
        return np.where(self.bounded, self.low + (1 + np.sin(free)) * (self.high - self.low) / 2, free)

    def free(self, bound: Values) -> Values:
        share = (bound - self.low) / np.where(self.bounded, self.high - self.low, 1.0)
        return np.where(self.bounded, np.arcsin(2 * np.clip(share, _OFF, 1 - _OFF) - 1), bound)

    def slope(self, free: Values) -> Values:
        """Derivative of the bounded numbers by the free ones."""
        return np.where(self.bounded, np.cos(free) * (self.high - self.low) / 2, 1.0)
