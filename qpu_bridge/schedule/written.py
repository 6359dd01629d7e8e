"""Events of a schedule under way: those that were written one by one as rows, those that were written together as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule.event import EVENT

Row: TypeAlias = tuple[object, ...]
_START = cast(Any, itemgetter(0))


class Written:
    """Events in the order of writing; those of a block are put in the order of their starts when it is closed."""

    def __init__(self) -> None:
        self._closed: list[list[Row] | NDArray[np.void]] = []
        self._rows: list[Row] = []
        self._open: list[list[Row] | NDArray[np.void]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: Row) -> None:
        """One event, its numbers as in `EVENT`."""
        self._rows.append(row)
        self._count += 1

    def extend(self, events: NDArray[np.void]) -> None:
        """Many, ``EVENT[events]``."""
        self._open += [self._rows, events]
        self._rows = []
        self._count += len(events)

    def close(self) -> None:
        """End the block that is being written: by start, and what starts together as it was written."""
        if self._open:
            events = _joined([*self._open, self._rows])
            self._closed.append(events[np.argsort(events["start"], kind="stable")])
        else:
            self._closed.append(sorted(self._rows, key=_START))
        self._open, self._rows = [], []

    def cut(self, first: int) -> None:
        """Forget all from the first event of a block on."""
        self._open, self._rows = [], []
        self._count = sum(map(len, self._closed))
        while self._count > first:
            self._count -= len(self._closed.pop())

    def events(self) -> NDArray[np.void]:
        """All of closed blocks, ``EVENT[events]``."""
        return _joined(self._closed)


def _joined(parts: Iterable[list[Row] | NDArray[np.void]]) -> NDArray[np.void]:
    arrays, rows = list[NDArray[np.void]](), list[Row]()
    for part in parts:
        if isinstance(part, list):
            rows += part
            continue
        arrays += [np.array(rows, dtype=EVENT), part] if rows else [part]
        rows = []
    if rows or not arrays:
        arrays.append(np.array(rows, dtype=EVENT))
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
