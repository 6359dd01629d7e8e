"""What wanders in hours: processes whose value at any moment is a function of a seed and the time, with no history to follow.

A process is refined from coarse to fine: at the ends of a long cell it is independent of everything else, and the middle of an
interval is drawn from its distribution given both ends. That is exact for any Markov process, costs one hash per halving, and
gives the same path to whoever asks for whatever moment (the virtual Brownian tree of arXiv:2001.01328, section 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.schedule import Document
from qpu_emulator.stream import streams

Real = NDArray[np.float64]

_CELL = 32.0
"""Correlation times in a cell: what its ends know of each other is below exp(-32)."""
_HALVINGS = 24


class Wander(Document):
    """Ornstein-Uhlenbeck processes of a transmon; all are 0 at time 0, when the numbers in the file hold.

    Attributes:
        frequency: Standard deviation of f01 in Hz after a long time.
        amplitude: Standard deviation of the Rabi frequencies, relative.
        t1: Standard deviation of the logarithm of T1.
        hours: Correlation time in h.
    """

    frequency: float = Field(0.0, ge=0)
    amplitude: float = Field(0.0, ge=0, lt=0.3)
    t1: float = Field(0.0, ge=0)
    hours: float = Field(12.0, gt=0)


class Defect(Document):
    """A two-level system that jumps in and out of a transmon's reach.

    Attributes:
        relaxation: Added to 1/T1 while it is near, 1/s.
        shift: Added to f01 while it is near, Hz.
        near_hours: Mean stay, h.
        away_hours: Mean absence, h.
        near: Whether it is there at time 0.
    """

    relaxation: float = Field(0.0, ge=0)
    shift: float = 0.0
    near_hours: float = Field(2.0, gt=0)
    away_hours: float = Field(10.0, gt=0)
    near: bool = False


def ornstein_uhlenbeck(seed: int, names: NDArray[np.int64], time: float, correlation: Real) -> Real:
    """Processes of unit variance that start at 0.

    Args:
        seed: Of the device.
        names: ``int[n]``, tells the processes apart.
        time: At least 0, in the unit of ``correlation``.
        correlation: ``float[n]``, correlation times.

    Returns:
        ``float[n]``, on a grid of 2e-6 correlation times.
    """
    # it takes 0.2 s to import, which only devices that drift need to pay
    from scipy.special import ndtri

    length = _CELL * correlation
    index = np.floor(time / length).astype(np.int64)
    left = np.where(index == 0, 0.0, ndtri(_uniform(seed, names, 0, index)))
    right = ndtri(_uniform(seed, names, 0, index + 1))
    for halving in range(1, _HALVINGS + 1):
        length = length / 2
        ratio = length / correlation
        fresh = ndtri(_uniform(seed, names, halving, index))
        middle = (left + right) / (2 * np.cosh(ratio)) + np.sqrt(np.tanh(ratio)) * fresh
        later = time >= (2 * index + 1) * length
        left, right = np.where(later, middle, left), np.where(later, right, middle)
        index = 2 * index + later
    return np.asarray(left)


def telegraph(
    seed: int, names: NDArray[np.int64], time: float, stay: Real, absence: Real, first: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether things that come and go are there.

    Args:
        seed: Of the device.
        names: ``int[n]``, tells them apart.
        time: At least 0.
        stay: ``float[n]``, mean stay, in the unit of ``time``.
        absence: ``float[n]``, mean absence.
        first: ``bool[n]``, whether they are there at time 0.
    """
    rate = 1 / stay + 1 / absence
    share = stay / (stay + absence)

    def chance(before: NDArray[np.bool_], span: Real) -> Real:
        return np.asarray(share + (before - share) * np.exp(-rate * span))

    length = _CELL / rate
    index = np.floor(time / length).astype(np.int64)
    left = np.where(index == 0, first, _uniform(seed, names, 0, index) < share)
    right = _uniform(seed, names, 0, index + 1) < share
    for halving in range(1, _HALVINGS + 1):
        length = length / 2
        here = chance(left, length)
        ends = [chance(np.full(len(names), state), length) for state in (False, True)]
        away, near = (np.where(right, end, 1 - end) for end in ends)
        middle = _uniform(seed, names, halving, index) * (here * near + (1 - here) * away) < here * near
        later = time >= (2 * index + 1) * length
        left, right = np.where(later, middle, left), np.where(later, right, middle)
        index = 2 * index + later
    return np.asarray(left)


def _uniform(seed: int, names: NDArray[np.int64], halving: int, index: NDArray[np.int64]) -> Real:
    words = streams(seed, names, np.full(len(names), halving), index)
    return np.asarray(((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)
