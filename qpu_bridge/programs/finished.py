"""Finished rows of a running job: kept outside of the process, so that they can be read, and outlive it.

A program calls `Notebook.item` for each thing it plays, takes what `recall` still knows of it, and hands in rows as they come
with `add`. Who keeps them decides when they are worth it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.programs.tensor import packed_bytes, type_name, unpacked

FORMAT = 1
"""Of `Finished.to_bytes`; rows in any other are not taken up again."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """What rows belong to.

    Attributes:
        item: Number of the item within the job, in the order in which items are played.
        key: Whatever is measured under another key is something else: schedule, seeds, calibration, versions.
        shape: Shape of the item; its rows are numbered in C order.
        read: ``read(first, stop)`` gives the arrays of some rows, the axis of rows first.
    """

    item: int
    key: str
    shape: tuple[int, ...]
    read: Callable[[int, int], Arrays]


@dataclass(frozen=True, slots=True)
class Finished:
    """Rows that were measured.

    Attributes:
        key: See `Page`.
        shape: See `Page`.
        first_row: The first.
        rows: How many.
        start: When the first began, UTC.
        stop: When the last ended, UTC.
        arrays: By register, and what a samplex returns besides angles; the axis of rows first.
    """

    key: str
    shape: tuple[int, ...]
    first_row: int
    rows: int
    start: datetime
    stop: datetime
    arrays: Arrays

    def to_bytes(self) -> bytes:
        """A line of JSON that says what follows, then each array as the executor's results spell it."""
        parts = [packed_bytes(np.ascontiguousarray(array)) for array in self.arrays.values()]
        header = {
            "format": FORMAT,
            "key": self.key,
            "shape": self.shape,
            "first_row": self.first_row,
            "rows": self.rows,
            "start": self.start.isoformat(),
            "stop": self.stop.isoformat(),
            "arrays": [
                {"name": name, "dtype": type_name(array), "shape": array.shape, "bytes": len(part)}
                for (name, array), part in zip(self.arrays.items(), parts, strict=True)
            ],
        }
        return b"".join([json.dumps(header).encode(), b"\n", *parts])

    @classmethod
    def from_bytes(cls, data: bytes) -> Finished:
        """The rows again.

        Raises:
            ValueError: If the bytes are damaged, or of another format.
        """
        header, tensors = read_packed(data)
        arrays = {name: unpacked(str(about["dtype"]), tuple(about["shape"]), part) for name, about, part in tensors}
        if any(len(array) != header["rows"] for array in arrays.values()):
            raise ValueError("each array must have the rows that the header says")
        return cls(
            key=header["key"],
            shape=tuple(header["shape"]),
            first_row=header["first_row"],
            rows=header["rows"],
            start=datetime.fromisoformat(header["start"]),
            stop=datetime.fromisoformat(header["stop"]),
            arrays=arrays,
        )


def read_packed(data: bytes) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any], bytes]]]:
    """What `Finished.to_bytes` wrote, without unpacking it: the header; and name, description and bytes of each array.

    Raises:
        ValueError: If the bytes are damaged, or of another format.
    """
    line, _, rest = data.partition(b"\n")
    header = json.loads(line)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"finished rows must be of format {FORMAT}")
    tensors, at = [], 0
    for about in header["arrays"]:
        tensors.append((str(about["name"]), about, rest[at : at + about["bytes"]]))
        at += about["bytes"]
    if at != len(rest):
        raise ValueError(f"the arrays must have {at} bytes; got {len(rest)}")
    return header, tensors


def key_of(**facts: Any) -> str:
    """A key that differs when any fact does."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]


class Notebook(Protocol):
    """Keeps finished rows.

    Attributes:
        attempt: How often the job was started, this time included.
        resumed_rows: Rows taken over from a run that was lost.
        measured_rows: Rows measured in this attempt.
        discarded_rows: Rows of a lost run that did not fit any more.
        earlier_s: Device time that earlier attempts are known to have used, s.
    """

    attempt: int
    resumed_rows: int
    measured_rows: int
    discarded_rows: int
    earlier_s: float

    def item(self) -> int:
        """A number for the next thing that is played."""

    def recall(self, item: int, key: str) -> Iterator[Finished]:
        """What is known of an item: rows from the first on, in order, without gap. With another key nothing is known any more."""

    def add(self, page: Page, first_row: int, rows: int, start: datetime, stop: datetime) -> None:
        """Some rows are finished: the next ones of their page."""


@dataclass
class Forgetful:
    """A notebook for work that nobody takes up again."""

    attempt: int = 1
    resumed_rows: int = 0
    measured_rows: int = 0
    discarded_rows: int = 0
    earlier_s: float = 0.0
    _items: int = field(default=0, repr=False)

    def item(self) -> int:
        """See `Notebook.item`."""
        self._items += 1
        return self._items - 1

    def recall(self, item: int, key: str) -> Iterator[Finished]:
        """Nothing."""
        return iter(())

    def add(self, page: Page, first_row: int, rows: int, start: datetime, stop: datetime) -> None:
        """Forget them."""
