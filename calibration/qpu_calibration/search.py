"""Searches for the curve of some points; those of many targets go in step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.axis import Values
from qpu_calibration.bounds import Bounds, Index
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import ROUTINE_ERRORS
from qpu_calibration.least_squares import STEP, End, Residuals, descend
from qpu_calibration.median import median

BEST_STARTS = 3
"""Of all starts, the search begins at so many: those whose curves are nearest to the data."""
_STUCK = 1e-2
"""A bounded number counts as at its bound where its slope (`Bounds.slope`) is below this share of that in mid-span."""
_USUAL = 1.4826
"""Standard deviation of normal numbers over the median of their sizes."""
_BLIND = 1e-14
"""Least eigenvalue of the derivatives' correlations at which data still say all numbers."""


Starts = Mapping[str, float | Values]
"""Where to begin: of each parameter ``float64[starts]``, or one number for all."""


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
        starts: Those whose curves are nearest to the data are searched from (`grid` combines numbers).
        bounds: Parameter -> least and greatest value.
    """

    model: Callable[..., Values]
    x: Values
    y: Values
    sigma: Values
    starts: Starts
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def grid(**choices: float | Sequence[float] | Values) -> dict[str, float | Values]:
    """Starts: every combination of what is given for each parameter."""
    columns = [np.asarray(one, np.float64) for one in choices.values()]
    places = _places(tuple(column.size for column in columns))
    return {name: column[place] if column.ndim else column for name, column, place in zip(choices, columns, places, strict=True)}


@lru_cache
def _places(sizes: tuple[int, ...]) -> NDArray[np.intp]:
    return np.indices(sizes).reshape(len(sizes), -1)


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
        key = (one.model, one.x.shape, *((name, np.size(values)) for name, values in one.starts.items()), *sorted(one.bounds))
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
        starts: ``float64[starts, targets, k]``.
    """

    model: Callable[..., Values]
    x: Values
    shared: bool
    y: Values
    sigma: Values
    names: list[str]
    within: Bounds
    starts: Values

    @classmethod
    def of(cls, searches: Sequence[Search]) -> _Group:
        first, names = searches[0], list(searches[0].starts)
        shared = all(np.array_equal(one.x, first.x) for one in searches[1:])
        x = first.x if shared else np.stack([one.x for one in searches], axis=-2)[..., None, :]
        y, sigma = (np.stack(part)[:, None] for part in zip(*((one.y, one.sigma) for one in searches), strict=True))
        columns = [np.array([one.starts[name] for one in searches], float).reshape(len(searches), -1).T for name in names]
        starts = np.stack(np.broadcast_arrays(*columns), axis=-1)
        return cls(first.model, x, shared, y, sigma, names, Bounds.of(names, [one.bounds for one in searches]), starts)

    def fits(self) -> list[CurveFit]:
        """Search from the starts that are nearest to the data."""
        targets, frees = np.arange(self.starts.shape[1]), self.within.free(self.starts)
        squares = (self._residuals(targets)(self.within.bound(frees).swapaxes(0, 1)) ** 2).sum(axis=-1)
        nearest = np.argsort(squares, axis=1, kind="stable")[:, :BEST_STARTS]
        owner = np.repeat(targets, nearest.shape[1])
        ends = descend(lambda which: self._residuals(owner[which]), frees[nearest.ravel(), owner], self.within.at(owner), owner)
        best = targets * nearest.shape[1] + np.argmin(ends.square.reshape(nearest.shape), axis=1)
        return self._found(ends.of(best))

    def _found(self, ends: End) -> list[CurveFit]:
        """The curve of each target, where its search has ended."""
        reduced = ends.square / max(1, ends.left.shape[1] - len(self.names))
        said, errors, cover = self._uncertainty(ends, np.maximum(1.0, reduced))
        off = np.abs(ends.left)
        lone = off.max(axis=1) / np.maximum(1.0, _USUAL * median(off))
        nowhere = CurveFit(dict.fromkeys(self.names, np.nan), dict.fromkeys(self.names, np.inf), np.inf)
        values, errors = self.within.off(self.within.bound(ends.free)).tolist(), errors.tolist()
        found = []
        for target, square in enumerate(reduced.tolist()):
            value, error = (dict(zip(self.names, part[target], strict=True)) for part in (values, errors))
            known = cover[target] if said[target] else np.zeros((0, 0))
            found.append(CurveFit(value, error, square, known, float(lone[target])) if np.isfinite(square) else nowhere)
        return found

    def _uncertainty(self, ends: End, grown: Values) -> tuple[NDArray[np.bool_], Values, Values]:
        """Whether data say all parameters; standard errors, inf where they do not; covariances.

        Args:
            ends: Of all targets' searches.
            grown: Factors on their variances.
        """
        rows = ends.slopes / self.within.slope(ends.free)[..., None]
        stuck = np.flatnonzero((self.within.bounded & (np.abs(np.cos(ends.free)) < _STUCK)).any(axis=1))
        if stuck.size:
            rows[stuck] = self._unbounded(stuck, ends.free[stuck])
        size = np.linalg.norm(rows, axis=2)
        unit = rows / size[..., None]
        alike = unit @ unit.swapaxes(1, 2)
        said = np.isfinite(alike).all(axis=(1, 2))
        strength, ways = np.linalg.eigh(np.where(said[:, None, None], alike, np.eye(len(self.names))))
        said &= strength[:, 0] >= _BLIND
        cover = (ways / strength[:, None]) @ ways.swapaxes(1, 2) / _outer(size) * grown[:, None, None]
        return said, np.where(said[:, None], np.sqrt(np.diagonal(cover, axis1=1, axis2=2)), np.inf), cover

    def _unbounded(self, which: Index, free: Values) -> Values:
        """Derivatives of residuals as if there were no bounds: at a bound no free number moves what is no less known there."""
        within, curves = self.within.at(which), self._curves(which)
        steps = STEP * (within.high - within.low + np.abs(free) * ~within.bounded)
        here, away = within.bound(free)[:, None], steps[..., None] * np.eye(len(self.names))
        return np.asarray((curves(here + away) - curves(here - away)) / (self.sigma[which] * 2 * steps[..., None]))

    def _residuals(self, which: Index) -> Residuals:
        """What points of some targets are off by in their errors."""
        curves, y, sigma = self._curves(which), self.y[which], self.sigma[which]
        return lambda parameters: np.asarray((curves(parameters) - y) / sigma)

    def _curves(self, which: Index) -> Residuals:
        """Curves ``float64[which, c, n]`` of parameters ``float64[which, c, k]``."""
        x = self.x if self.shared else self.x[..., which, :, :]
        return lambda parameters: self.model(x, **dict(zip(self.names, parameters.transpose(2, 0, 1)[..., None], strict=True)))


def _outer(rows: Values) -> Values:
    return rows[:, :, None] * rows[:, None, :]
