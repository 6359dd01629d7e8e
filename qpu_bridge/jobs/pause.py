"""A pause between jobs, as who keeps the device calibrated sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from qpu_bridge.jobs.queue import Queue

LOOK_S = 0.05
"""How often the store is asked whether somebody wants the device, s."""


class Pause:
    """Time between two jobs. May be asked from any thread.

    Args:
        queue: The line of the device.
        stop: Set when the whole runner stops.
        longest_s: For how long a job may wait, s.
        clock: Seconds that never go back.
    """

    def __init__(
        self, queue: Queue, stop: threading.Event, longest_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._stop = stop
        self._longest_s = longest_s
        self._clock = clock
        self._looked_s: float | None = None
        self._since_s: float | None = None
        self._taken = False

    def free(self) -> bool:
        """Whether nobody has the device for themselves: no session, no people, no maintenance."""
        self._look()
        return not self._taken

    def wanted(self) -> bool:
        """Whether a job waits: give way as soon as something is done."""
        self._look()
        return self._taken or self._since_s is not None or self._stop.is_set()

    def over(self) -> bool:
        """Whether to stop at once, whatever is going on: a job has waited long enough, or the device is somebody's."""
        self._look()
        waited = self._since_s is not None and self._clock() - self._since_s >= self._longest_s
        return self._taken or waited or self._stop.is_set()

    def _look(self) -> None:
        at = self._clock()
        if self._looked_s is not None and at - self._looked_s < LOOK_S:
            return
        self._looked_s = at
        free, waits = self._queue.gap()
        self._taken = not free
        if not waits:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = at
