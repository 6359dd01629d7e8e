"""Where the pulses of a sequence go inside a window, symmetric about its middle to the tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def place(
    length: NDArray[np.int64], pulse: NDArray[np.int64], pulses: int, alignment: int, extra: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Starts of an even number of equal pulses, spaced ``tau/2, tau, ..., tau, tau/2``.

    What the grid keeps from being spread evenly goes to the interval in the middle, or in equal parts to the two edges.
    Either way the sequence is its own mirror image: pulse ``k`` starts as long after the window's start as pulse ``-1-k``
    ends before its end. (An odd rest of ``edges`` that cannot be halved goes to the middle.)

    Args:
        length: ``int64[windows]``, ticks.
        pulse: ``int64[windows]``, ticks of one pulse.
        pulses: How many, even.
        alignment: Starts are multiples of this many ticks.
        extra: ``middle`` or ``edges``.

    Returns:
        ``int64[windows, pulses]``, ticks since the start of the window, and ``bool[windows]``, which windows are long enough.
    """
    whole = length // alignment
    step = -(-pulse // alignment)
    slack = whole - pulses * step
    fits = slack > 0
    slack = np.maximum(slack, 0)
    inner = slack // pulses
    edge = slack // (2 * pulses) if extra == "middle" else (slack - (pulses - 1) * inner) // 2
    half = np.arange(pulses // 2)
    first = edge[:, None] + half * (inner + step)[:, None]
    mirrored = (whole - step)[:, None] - first[:, ::-1]
    return np.concatenate([first, mirrored], axis=1) * alignment, fits
