"""The device's own clock: it advances by what is played, not by the time that playing takes on this machine."""

from __future__ import annotations

import time
from threading import Event


class VirtualClock:
    """Nanoseconds since the device was switched on.

    Args:
        age_h: How old the device was then, h.
        real: Whether this machine's time must not run behind the device's.
    """

    def __init__(self, age_h: float = 0.0, *, real: bool = False) -> None:
        self._now_ns = 0.0
        self._age_h = age_h
        self._real = real
        self._lead_s = 0.0

    @property
    def now_ns(self) -> int:
        """Time in whole ns."""
        return round(self._now_ns)

    @property
    def age_h(self) -> float:
        """Age of the device in h."""
        return self._age_h + self._now_ns / 3.6e12

    def begin(self) -> None:
        """A run begins: real time counts from here."""
        self._lead_s = self._now_ns * 1e-9 - time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += seconds * 1e9

    def wait(self, stopped: Event) -> None:
        """Wait until this machine's time has come as far as the device's, or the event; at once if time need not be real."""
        if self._real:
            stopped.wait(max(0.0, self._now_ns * 1e-9 - self._lead_s - time.monotonic()))
