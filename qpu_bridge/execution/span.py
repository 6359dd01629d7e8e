"""Spans: when the device measured which rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time_ns

from qpu_bridge.driver import Chunk

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """One chunk of measurement.

    Attributes:
        first_row: First row, counted from the start of `Execution.run`.
        rows: Number of rows.
        start: When the first row began, UTC.
        stop: When the last row ended, UTC.
    """

    first_row: int
    rows: int
    start: datetime
    stop: datetime


class DeviceClock:
    """Translates the device's own nanoseconds to UTC.

    A device's clock counts from anywhere, so the chunk that took least time to reach us fixes the offset.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None

    def span(self, chunk: Chunk, first_row: int) -> Span:
        """When a chunk that has arrived just now was measured."""
        offset = time_ns() - chunk.stopped_ns
        self._offset_ns = offset if self._offset_ns is None else min(offset, self._offset_ns)
        return Span(first_row, chunk.rows, self._utc(chunk.started_ns), self._utc(chunk.stopped_ns))

    def _utc(self, device_ns: int) -> datetime:
        return _EPOCH + timedelta(microseconds=(device_ns + (self._offset_ns or 0)) // 1000)
