"""The device's own clock: it advances by what is played, not by the time that playing takes on this machine."""

from __future__ import annotations


class VirtualClock:
    """Nanoseconds since the device was switched on."""

    def __init__(self) -> None:
        self._now_ns = 0.0

    @property
    def now_ns(self) -> int:
        """Time in whole ns."""
        return round(self._now_ns)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += seconds * 1e9
