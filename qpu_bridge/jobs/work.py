"""A running job, as the program that does it sees it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from qpu_bridge.jobs.job import Job
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.store import Store

LOOK_S = 0.02
"""How often the store is asked whether somebody wants the job stopped, s."""


class Work:
    """What a program is given beside the job: its parameters, a log, and the question whether to go on.

    Args:
        store: Where lines go.
        queue: Where the wish to stop is read.
        job: The job.
        params: JSON text of its parameters.
        stop: Set when the whole runner stops.

    Attributes:
        params: JSON text of the parameters.
        stopped_by: Why `cancelled` said yes: cancel, overrun, put back; None if it did not.
    """

    def __init__(self, store: Store, queue: Queue, job: Job, params: str, stop: threading.Event) -> None:
        self.params = params
        self.stopped_by: Move | None = None
        self._store = store
        self._queue = queue
        self._job = job
        self._stop = stop
        self._level = logging.getLevelNamesMapping().get(job.log_level, logging.WARNING)
        self._meter: Callable[[], float] = float
        self._before_s = 0.0
        self._looked_s = -LOOK_S

    def log(self, text: str, level: str = "WARNING") -> None:
        """Add a line to the job's log, unless its user asked for graver ones only. Levels are those of `logging`."""
        if logging.getLevelNamesMapping()[level] >= self._level:
            self._store.log(self._job, text, level)

    def meter(self, seconds: Callable[[], float]) -> None:
        """Count device time from here on with a counter that never goes back, s."""
        self._meter = seconds
        self._before_s = seconds()

    @property
    def usage_s(self) -> float:
        """Device time used so far, s."""
        return max(0.0, self._meter() - self._before_s)

    @property
    def overrun(self) -> bool:
        """Whether the job has used more device time than it asked for."""
        return self._job.cost is not None and self.usage_s > self._job.cost

    def cancelled(self) -> bool:
        """Whether to stop now: the user wants it, the device time is used up, or the runner stops. Cheap; ask often."""
        if self.stopped_by is None:
            if self.overrun:
                self.stopped_by = Move.OVERRUN
            elif self._wanted():
                self.stopped_by = Move.CANCEL
            elif self._stop.is_set():
                self.stopped_by = Move.PUT_BACK
        return self.stopped_by is not None

    def _wanted(self) -> bool:
        moment = time.monotonic()
        if moment - self._looked_s < LOOK_S:
            return False
        self._looked_s = moment
        return self._queue.cancel_requested(self._job)
