from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from qpu_calibration.measured import each


@pytest.fixture
def data(rng):
    return xr.Dataset(
        {"ones": (("coupler", "place", "length", "angle_point"), rng.random((3, 2, 4, 5))), "fact": ("coupler", rng.random(3))},
        {"coupler": ["0_1", "3_4", "5_2"], "length": np.arange(4.0), "angle": (("coupler", "angle_point"), rng.random((3, 5)))},
        {"kind": "coupler", "shots": 100},
    )


def test_each_target_has_its_own_arrays(data):
    for index, one in enumerate(each(data)):
        wanted = data.isel(coupler=index)
        assert {name: array.shape for name, array in one.arrays.items()} == {n: v.shape for n, v in wanted.variables.items()}
        assert all(np.array_equal(array, wanted[name].values) for name, array in one.arrays.items())
        assert one.dims == {name: variable.dims for name, variable in wanted.variables.items()}
        assert one.attrs["shots"] == 100


def test_points_are_picked_and_dimensions_turned_as_xarray_does(data):
    one, wanted = each(data)[1].at(place=1, length=[0, 2]), data.isel(coupler=1, place=1, length=[0, 2])
    assert "fact" in one
    assert "place" not in one
    assert one["length"].tolist() == [0.0, 2.0]
    assert one.dims["ones"] == ("length", "angle_point")
    assert np.array_equal(one["ones"], wanted["ones"].values)
    assert np.array_equal(one.along("ones", "angle_point", "length"), wanted["ones"].values.T)
