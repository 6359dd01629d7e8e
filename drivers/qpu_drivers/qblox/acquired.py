"""What an instrument hands back of a program, without the vendor's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_drivers.qblox.program import Place


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins of one acquisition.

    Attributes:
        sums: ``complex128[bins]``: I + iQ summed over the window, in full scales of the converter, not divided by its length; the
            mean of all that went into the bin, 0 where nothing did.
        ones: ``float64[bins]``: mean of the bits that the sequencer told.
        counts: ``int64[bins]``: how many acquisitions went into the bin.
    """

    sums: NDArray[np.complex128]
    ones: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Acquired:
    """All that one playing of a program gave.

    Attributes:
        bins: Sequencer and index of the acquisition -> its bins.
        traces: Sequencer whose acquisition its module's scope followed -> ``complex128[samples]``, I + iQ of the bare converter,
            the mean over the shots.
        started_ns: When it began, ns of this computer's monotonic clock.
        stopped_ns: When all had stopped.
    """

    bins: Mapping[tuple[Place, int], Bins]
    traces: Mapping[Place, NDArray[np.complex128]] = field(default_factory=dict)
    started_ns: int = 0
    stopped_ns: int = 0
