"""What the captures of a run wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LANES_TOGETHER = 8
"""Lanes of a point whose traces are added up where only a mean is wanted; parts of a run begin with whole ones."""


@dataclass(slots=True)
class Memory:
    """All that they wrote.

    Attributes:
        bits: ``bool[shots, columns]``.
        iq: ``complex64[shots, columns]``.
        raw: Column -> ``complex64[shots, samples]``.
        sums: Column -> ``complex128[rows, samples]``, the same of columns that only return a mean, summed over the shots that
            began in `LANES_TOGETHER` lanes of a point.
    """

    bits: NDArray[np.bool_]
    iq: NDArray[np.complex64]
    raw: dict[int, NDArray[np.complex64]] = field(default_factory=dict)
    sums: dict[int, NDArray[np.complex128]] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: list[Memory], points: int) -> Memory:
        """One memory from those of parts of every point's shots."""
        if len(parts) == 1:
            return parts[0]
        traces = {column: trace.shape[1] for part in parts for column, trace in part.raw.items()}

        def join(arrays: list[NDArray[Any]]) -> NDArray[Any]:
            whole = np.concatenate([array.reshape(points, -1, array.shape[1]) for array in arrays], axis=1)
            return whole.reshape(-1, whole.shape[2])

        raw = {
            column: join([part.raw.get(column, np.zeros((len(part.bits), count), np.complex64)) for part in parts])
            for column, count in traces.items()
        }
        sums = {column: join([part.sums[column] for part in parts]) for column in parts[0].sums}
        return cls(join([part.bits for part in parts]), join([part.iq for part in parts]), raw, sums)
