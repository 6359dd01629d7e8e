"""Least squares of many curves in step (Levenberg and Marquardt): what Python adds comes once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.axis import Values
from qpu_calibration.bounds import Bounds, Index

Residuals = Callable[[Values], Values]
"""From parameters ``float64[searches, c, k]`` to residuals ``float64[searches, c, n]``."""

STEP = 1e-7
"""Step of differences, in units of the number: what it leaves out goes with it, what is lost to rounding against it."""
_ENOUGH = 1e-8
"""A search ends where a step would win no more than this share of the sum of squares, or moves the numbers by less."""
_MOST_STEPS = 400
_DAMPING, _LESS, _MORE, _LEAST = 1e-3, 0.1, 5.0, 1e-12
"""Share of its diagonal that is added to the matrix at first; factors on it after a step that was foreseen well, or failed; its
least, with which no matrix is singular."""


class End(NamedTuple):
    """Where searches have ended.

    Attributes:
        free: Numbers, ``float64[searches, k]``.
        square: Sums of squares, ``float64[searches]``; inf where a search could not begin.
        left: Residuals, ``float64[searches, n]``.
        slopes: Their derivatives, ``float64[searches, k, n]``.
    """

    free: Values
    square: Values
    left: Values
    slopes: Values

    def of(self, which: Index | NDArray[np.bool_]) -> End:
        """Some of them."""
        return End(*(part[which] for part in self))

    def put(self, which: Index | NDArray[np.bool_], others: End) -> None:
        """Write others in the places of some."""
        for part, other in zip(self, others, strict=True):
            part[which] = other


def descend(residuals: Callable[[Index], Residuals], begin: Values, within: Bounds, target: Index) -> End:
    """Search for the least sum of squares from each beginning.

    No search depends on the others, but one that creeps ends where it could not come to what another of its target has found.

    Args:
        residuals: Those of some of the searches.
        begin: Free numbers, ``float64[searches, k]``.
        within: What they stand for.
        target: Whose curve each searches for.
    """
    going = np.arange(len(begin))
    # numbers that are angles are moved by shares of a radian, others by shares of themselves
    angles = within.bounded
    here = ends = _look(residuals(going), within, begin.copy(), _unit(begin, angles))
    damping, scale = np.full(len(going), _DAMPING), np.zeros(begin.shape)
    stays, least = np.isfinite(ends.square), np.full(target.max() + 1, np.inf)
    for number in range(_MOST_STEPS):
        if not number or not stays.all():
            ends.put(going, here)
            np.minimum.at(least, target[going[~stays]], here.square[~stays])
            going, here, damping, scale = going[stays], here.of(stays), damping[stays], scale[stays]
            if not len(going):
                break
            ask, bounds, rival = residuals(going), within.at(going), least[target[going]]
        force = np.einsum("skn,sn->sk", here.slopes, here.left)
        curvature = here.slopes @ here.slopes.swapaxes(1, 2)
        # at a bound the derivatives vanish, and the curve's own bend is all there is
        np.einsum("skk->sk", curvature)[:] += np.maximum(force * bounds.bend(here.free), 0.0)
        # what moved the curve once must not run away where it does not
        scale = np.maximum(scale, np.sqrt(np.einsum("skk->sk", curvature)))
        wide = np.where(scale > 0, scale, 1.0)
        matrix = curvature / (wide[:, :, None] * wide[:, None, :])
        np.einsum("skk->sk", matrix)[:] += damping[:, None]
        force /= wide
        step = -np.linalg.solve(matrix, force[..., None])[..., 0]
        foreseen = np.einsum("sk,sk->s", step, damping[:, None] * step - force)
        moved = here.free + step / wide
        # of a number that is all but 0, only what moves the curve is a unit
        there = _look(ask, bounds, moved, np.maximum(_unit(moved, angles), 1 / wide))
        won = here.square - there.square
        little = np.maximum(np.abs(won), foreseen) <= _ENOUGH * here.square
        little |= _square(step) <= _ENOUGH**2 * _square(here.free * wide)
        little |= (_MOST_STEPS - number) * np.maximum(won, foreseen) < here.square - rival
        stays, better = ~little, won > 0
        damping = np.maximum(damping * np.where(better, np.where(won > 0.5 * foreseen, _LESS, 1.0), _MORE), _LEAST)
        if better.all():
            here = there
        else:
            here.put(better, there.of(better))
    ends.put(going, here)
    return ends


def _square(rows: Values) -> Values:
    return np.asarray(np.einsum("sk,sk->s", rows, rows))


def _unit(free: Values, angles: NDArray[np.bool_]) -> Values:
    return np.where(angles | (free == 0.0), 1.0, np.abs(free))


def _look(residuals: Residuals, within: Bounds, free: Values, unit: Values) -> End:
    """Residuals, and their derivatives by differences in shares of the units, of one call."""
    count, steps = free.shape[1], STEP * unit
    here, more = within.bound(np.array([free, free + steps]))
    columns = here[:, None].repeat(count + 1, axis=1)
    # on the diagonal of what comes after the first row
    columns.reshape(len(free), -1)[:, count :: count + 1] = more
    found = residuals(columns)
    left, slopes = found[:, 0], found[:, 1:] - found[:, :1]
    slopes /= steps[..., None]
    square = _square(left)
    square[~np.isfinite(square + np.einsum("skn->s", slopes))] = np.inf
    return End(free, square, left, slopes)
