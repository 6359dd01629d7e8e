"""Whether what came back can have been measured at all: asked before anything is fitted."""

from __future__ import annotations

import numpy as np

from qpu_calibration.measured import Measured

LOUDEST = 30.0
"""In units of the median: a resonator answers off its resonance with a fifth, at the beginning of a trace with less."""


def invalid(data: Measured) -> str:
    """Why nothing can be made of the data of one target; empty if something can."""
    heard = "iq" in data
    name = "iq" if heard else "joint" if "joint" in data else "ones"
    numbers = data[name]
    if heard and "sample" in data.dims[name]:
        # traces that are shorter than others end with NaN
        numbers = numbers[..., ~np.isnan(numbers).all(axis=tuple(range(numbers.ndim - 1)))]
    size = np.abs(numbers)
    missing = np.count_nonzero(np.isnan(size))
    if missing or not size.size:
        return f"{missing} of {size.size} numbers are missing"
    rows = numbers.reshape(-1, numbers.shape[-1] if "outcome" in data.dims[name] else 1)
    # most often the first few differ
    if (rows[:9] == rows[0]).all() and (rows == rows[0]).all():
        return "the instrument says the same whatever is played"
    # the median, without sorting
    if heard and 2 * np.count_nonzero(LOUDEST * size < size.max()) > size.size:
        return "a point is many times as far out as the others"
    return ""
