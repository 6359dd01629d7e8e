"""A clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The time stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
