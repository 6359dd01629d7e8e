"""A running job, as the program that does it sees it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import update

from qpu_bridge.errors import Poison, StoreFault, WrongState
from qpu_bridge.jobs.fence import FENCE
from qpu_bridge.jobs.interim import JobNotebook
from qpu_bridge.jobs.job import Job
from qpu_bridge.jobs.queue import Queue
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.store import Store
from qpu_bridge.jobs.tables import jobs

DEATHS = 2
"""A job whose driver was lost this many times while it ran is poison."""

LOOK_S = 0.02
"""How often the store is asked whether somebody wants the job stopped, s."""


logger = logging.getLogger(__name__)


class Work:
    """What a program is given beside the job: its parameters, a log, and the question whether to go on.

    Args:
        store: Where lines go.
        queue: Where the wish to stop is read.
        job: The job.
        params: JSON text of its parameters.
        stop: Set when the whole runner stops.
        runner: Name of the runner.

    Attributes:
        params: JSON text of the parameters.
        notebook: Keeps finished rows, and knows those of an attempt that was lost.
        stopped_by: Why `cancelled` said yes: cancel, overrun, put back; None if it did not.
    """

    def __init__(self, store: Store, queue: Queue, job: Job, params: str, stop: threading.Event, runner: str) -> None:
        self.params = params
        self.stopped_by: Move | None = None
        self._store = store
        self._queue = queue
        self._job = job
        self._runner = runner
        self._stop = stop
        self._level = logging.getLevelNamesMapping().get(job.log_level, logging.WARNING)
        self._meter: Callable[[], float] = float
        self._before_s = 0.0
        # it was just taken: nobody's wish to stop it was there then
        self._looked_s = time.monotonic()
        self.notebook = JobNotebook(store.database, job, runner, lambda: self.usage_s)

    def log(self, text: str, level: str = "WARNING") -> None:
        """Add a line to the job's log, unless its user asked for graver ones only. Levels are those of `logging`."""
        if logging.getLevelNamesMapping()[level] >= self._level:
            self._store.log(self._job, text, level)

    def note(self, text: str) -> None:
        """Add a line of the program's to the log; not to that of a private job, for it may tell of the circuits."""
        if not self._job.private:
            self.log(text)

    def meter(self, seconds: Callable[[], float]) -> None:
        """Count device time from here on with a counter that never goes back, s."""
        self._meter = seconds
        self._before_s = seconds()

    @property
    def usage_s(self) -> float:
        """Device time used so far, that of earlier attempts included, s."""
        return self._job.usage_s + max(0.0, self._meter() - self._before_s)

    @property
    def allowance_s(self) -> float | None:
        """Device time that this attempt may use, s; None for any."""
        return None if self._job.cost is None else max(0.0, self._job.cost - self._job.usage_s)

    def driver_died(self) -> None:
        """The driver was lost while it worked on this job.

        Raises:
            Poison: If that has happened too often, in all attempts together.
            WrongState: If another runner has taken the job up.
        """
        with self._store.database.write() as connection:
            more = update(jobs).where(*FENCE).values(driver_deaths=jobs.c.driver_deaths + 1).returning(jobs.c.driver_deaths)
            deaths = connection.execute(more, {"job": self._job.number, "me": self._runner}).scalar_one_or_none()
        if deaths is None:
            raise WrongState("a job can lose its driver only while this runner runs it", given=self._job.id)
        self.log(f"the driver was lost while it worked on this job, {deaths} of at most {DEATHS} times")
        if deaths >= DEATHS:
            raise Poison(
                f"the driver died {DEATHS} times while it played this job; it is not tried again",
                remedy="Make the job smaller, or show its log to whoever runs the bridge.",
            )

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
        try:
            return self._queue.cancel_requested(self._job)
        except StoreFault as error:
            # the device is busy with this job, and a store that is away for a moment is no reason to throw its work away
            logger.warning("whether job %s is to be cancelled is not known at the moment: %s", self._job.id, error.sentence)
            return False
