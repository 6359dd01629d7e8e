"""Data with names as one HDF5 file, laid out as netCDF-4 does it: `xarray.open_dataset` reads it, and so do all tools for HDF5.

xarray's own writers take twenty times as long for so small a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import xarray as xr

_DIMENSION = "This is a netCDF dimension but not a netCDF variable. {:10d}"
"""Name of the scale of a dimension without coordinate (netCDF-4's format, Dimension Scales)."""


def write(data: xr.Dataset, path: Path, *, packed: bool = False) -> None:
    """Write a dataset.

    Args:
        data: Of numbers and texts; attributes too.
        path: A new file.
        packed: Whether it may take longer and be smaller.
    """
    with h5py.File(path, "w") as file:
        file.attrs.update(data.attrs)
        scales = {}
        for name, size in data.sizes.items():
            if name in data.variables:
                scales[name] = _put(file, str(name), data.variables[name], packed)
                scales[name].make_scale(str(name))
            else:
                scales[name] = file.create_dataset(str(name), shape=(size,), dtype=">f4")
                scales[name].make_scale(_DIMENSION.format(size))
        for name, variable in data.variables.items():
            if name in scales:
                continue
            put = _put(file, str(name), variable, packed)
            for axis, dimension in enumerate(variable.dims):
                put.dims[axis].attach_scale(scales[dimension])
        if beside := [str(name) for name in data.coords if name not in data.dims]:
            file.attrs["coordinates"] = " ".join(beside)


def read(path: Path) -> xr.Dataset:
    """All of a dataset."""
    with xr.open_dataset(path, engine="h5netcdf") as lazy:
        data: xr.Dataset = lazy.load()
    return data


def _put(file: Any, name: str, variable: xr.Variable, packed: bool) -> Any:
    values, text = variable.values, variable.dtype.kind == "U"
    put = file.create_dataset(
        name,
        data=values.astype(object) if text else values,
        dtype=h5py.string_dtype() if text else None,
        compression="gzip" if packed and values.ndim else None,
        shuffle=True if packed and values.ndim else None,
    )
    put.attrs.update(variable.attrs)
    return put
