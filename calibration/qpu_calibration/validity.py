"""Whether what came back can have been measured at all: asked before anything is fitted."""

from __future__ import annotations

import numpy as np
import xarray as xr

LOUDEST = 30.0
"""In units of the median: a resonator answers off its resonance with a fifth, at the beginning of a trace with less."""


def invalid(data: xr.Dataset) -> str:
    """Why nothing can be made of the data of one target; empty if something can."""
    heard = "iq" in data
    values = data["iq" if heard else "joint" if "joint" in data else "ones"]
    if "sample" in values.dims and heard:
        # traces that are shorter than others end with NaN
        values = values.dropna("sample", how="all")
    numbers = values.values
    missing = int(np.isnan(numbers).sum())
    if missing or not numbers.size:
        return f"{missing} of {numbers.size} numbers are missing"
    rows = numbers.reshape(-1, numbers.shape[-1]) if "outcome" in values.dims else numbers.reshape(-1, 1)
    if (rows == rows[0]).all():
        return "the instrument says the same whatever is played"
    size = np.abs(numbers)
    # the median, without sorting
    if heard and 2 * np.count_nonzero(LOUDEST * size < size.max()) > size.size:
        return "a point is many times as far out as the others"
    return ""
