"""What was measured of one target: plain arrays by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Measured:
    """Data as `fit_one` takes them.

    Of an `xarray.Dataset` it has what a fit needs: to pick one target and a few arrays out of that takes longer than many a fit.

    Attributes:
        arrays: Readings, coordinates and facts by name.
        dims: Names of their dimensions, in the order of `measure.dataset` without the target's.
        attrs: Those of the dataset: ``shots``, ``settings``, ...
    """

    arrays: Mapping[str, NDArray[Any]]
    dims: Mapping[str, tuple[str, ...]]
    attrs: Mapping[str, Any]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def along(self, name: str, *dims: str) -> NDArray[Any]:
        """An array with its dimensions in this order."""
        return self.arrays[name].transpose([self.dims[name].index(dim) for dim in dims])

    def at(self, **where: int | Sequence[int]) -> Measured:
        """Only some points along some dimensions; or one, and that dimension is gone."""
        arrays, dims = dict(self.arrays), dict(self.dims)
        for dim, points in where.items():
            for name, own in dims.items():
                if dim in own:
                    arrays[name] = arrays[name][(slice(None),) * own.index(dim) + (points,)]
                    if isinstance(points, int):
                        dims[name] = tuple(one for one in own if one != dim)
        return replace(self, arrays=arrays, dims=dims)


def each(data: xr.Dataset) -> list[Measured]:
    """The data of each target; ``attrs["kind"]`` says which dimension is theirs."""
    kind = data.attrs["kind"]
    arrays = {str(name): np.asarray(one.values) for name, one in data.variables.items()}
    dims = {str(name): tuple(map(str, one.dims)) for name, one in data.variables.items()}
    whole = Measured(arrays, dims, data.attrs)
    return [whole.at(**{kind: number}) for number in range(data.sizes[kind])]
