"""Data with names, written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_calibration import hdf5

DTYPES = ("complex64", "complex128", "float64", "float32", "uint8", "int64", "bool")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(DTYPES), st.sampled_from([(2, 3), (1, 1), (2, 0)]), st.booleans(), st.booleans())
def test_what_is_written_is_what_xarray_reads(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, shape: tuple[int, int], pairs: bool, packed: bool
) -> None:
    targets = [f"{q}_{q + 1}" for q in range(shape[0])] if pairs else list(range(shape[0]))
    values = np.arange(shape[0] * shape[1]).reshape(shape).astype(dtype)
    data = xr.Dataset(
        {"iq": (("target", "amplitude_point"), values), "belief": ("target", np.full(shape[0], np.nan)), "one": 3.5},
        {"target": targets, "amplitude": ("amplitude_point", np.linspace(0, 1, shape[1]), {"units": "1"})},
        {"shots": 400, "kind": "coupler", "settings": '{"µ": 1}'},
    )
    path: Path = tmp_path_factory.mktemp("data") / "data.h5"
    hdf5.write(data, path, packed=packed)
    found = hdf5.read(path)
    xr.testing.assert_identical(found, data)
    assert found["iq"].dtype == dtype
    # whoever knows nothing of us need not say what it is
    with xr.open_dataset(path) as other:
        xr.testing.assert_identical(other.load(), data)
