"""Least squares of many curves in step (Levenberg and Marquardt): what Python adds comes once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_calibration.axis import Values

Index = NDArray[np.intp]
Residuals = Callable[[Index, Values], Values]
"""``(which, numbers)`` -> residuals ``float64[which, c, n]`` for numbers ``float64[which, c, k]``."""

STEP = 1e-5
"""Step of central differences, in units of the number; their error goes with its square."""
_ENOUGH = 1e-8
"""A search ends where a step would win no more than this share of the sum of squares, or moves the numbers by less."""
_MOST_STEPS = 400
_DAMPING, _LESS, _MORE, _LEAST = 1e-3, 0.1, 5.0, 1e-12
"""Share of its diagonal that is added to the matrix at first; factors on it after a step that was foreseen well, or failed; its
least, with which no matrix is singular."""


class End(NamedTuple):
    """Where searches have ended; of one of them the first axis is gone.

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

    def of(self, which: Index | int) -> End:
        """Some of them, or one."""
        return End(*(part[which] for part in self))


def descend(residuals: Residuals, begin: Values, angles: NDArray[np.bool_]) -> End:
    """Search for the least sum of squares from each beginning; no search depends on the others.

    Args:
        residuals: Of the curves.
        begin: ``float64[searches, k]``.
        angles: ``bool[k]``: numbers that are angles, moved by shares of a radian; others are moved by shares of themselves.
    """
    every = np.arange(len(begin))
    best = _look(residuals, every, np.array(begin), _unit(begin, angles))
    damping, scale = np.full(len(every), _DAMPING), np.zeros(begin.shape)
    going = every[np.isfinite(best.square)]
    for _ in range(_MOST_STEPS):
        if not len(going):
            break
        here = best.of(going)
        force = np.einsum("skn,sn->sk", here.slopes, here.left)
        curvature = here.slopes @ here.slopes.swapaxes(1, 2)
        # what moved the curve once must not run away where it does not
        scale[going] = np.maximum(scale[going], np.sqrt(np.diagonal(curvature, axis1=1, axis2=2)))
        wide = np.where(scale[going] > 0, scale[going], 1.0)
        matrix = curvature / (wide[:, :, None] * wide[:, None, :]) + damping[going, None, None] * np.eye(begin.shape[1])
        step = -np.linalg.solve(matrix, (force / wide)[..., None])[..., 0]
        foreseen = (step * (damping[going, None] * step - force / wide)).sum(axis=1)
        moved = here.free + step / wide
        # of a number that is all but 0, only what moves the curve is a unit
        there = _look(residuals, going, moved, np.maximum(_unit(moved, angles), 1 / wide))
        won = here.square - there.square
        better = won > 0
        damping[going] *= np.where(better, np.where(won > 0.5 * foreseen, _LESS, 1.0), _MORE)
        damping = np.maximum(damping, _LEAST)
        for part, new in zip(best, there, strict=True):
            part[going[better]] = new[better]
        little = np.maximum(np.abs(won), foreseen) <= _ENOUGH * here.square
        little |= np.linalg.norm(step, axis=1) <= _ENOUGH * np.linalg.norm(here.free * wide, axis=1)
        going = going[~little]
    return best


def _unit(free: Values, angles: NDArray[np.bool_]) -> Values:
    return np.where(angles | (free == 0.0), 1.0, np.abs(free))


def _look(residuals: Residuals, which: Index, free: Values, unit: Values) -> End:
    """Residuals, and their derivatives by central differences in shares of the units, of one call."""
    count, steps = free.shape[1], STEP * unit
    away = steps[:, :, None] * np.eye(count)
    found = residuals(which, np.concatenate([free[:, None], free[:, None] + away, free[:, None] - away], axis=1))
    left, slopes = found[:, 0], (found[:, 1 : count + 1] - found[:, count + 1 :]) / (2 * steps[..., None])
    square = np.einsum("sn,sn->s", left, left)
    square[~np.isfinite(square + slopes.sum(axis=(1, 2)))] = np.inf
    return End(free, square, left, slopes)
