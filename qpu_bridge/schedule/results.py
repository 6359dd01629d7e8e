"""What comes back of a run: shapes of its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from qpu_bridge.schedule.schedule import Schedule


def raw_samples(schedule: Schedule, column: int) -> int:
    """Samples of the trace that a raw column returns: those of its captures, which are of one length."""
    return int(np.max(schedule.samples[schedule.events["column"] == column], initial=0))


@lru_cache(maxsize=256)
def result_shapes(schedule: Schedule, rows: int, shots: int) -> Mapping[str | int, tuple[int, ...]]:
    """Shapes of a chunk's arrays: ``bits``, ``iq``, ``mean`` where there are such columns, and raw columns by their index."""
    points = (rows, *schedule.sweep_shape)
    shapes: dict[str | int, tuple[int, ...]] = {}
    for kind, axes in (("bits", (*points, shots)), ("iq", (*points, shots)), ("mean", points)):
        if columns := schedule.columns_returning(kind):
            shapes[kind] = (*axes, len(columns))
    for kind, axes in (("raw", (*points, shots)), ("raw_mean", points)):
        for column in schedule.columns_returning(kind):
            shapes[column] = (*axes, raw_samples(schedule, column))
    return MappingProxyType(shapes)
