"""The runner: takes the jobs of one device, one after the other, and sees each to its end."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from qpu_bridge.errors import (
    BridgeError,
    CallerError,
    Cancelled,
    DriverLost,
    OperatorError,
    RanTooLong,
    SettingsError,
    StoreFault,
    TooLarge,
)
from qpu_bridge.jobs.deaf import Deaf
from qpu_bridge.jobs.job import Job, Reason, to_microseconds
from qpu_bridge.jobs.pause import Pause
from qpu_bridge.jobs.queue import CANCELLED, Queue
from qpu_bridge.jobs.states import Move
from qpu_bridge.jobs.store import Store
from qpu_bridge.jobs.turns import Turn
from qpu_bridge.jobs.work import Work
from qpu_bridge.rounds import rounds
from qpu_bridge.telemetry import Stage, about, stage, took, traces

Run = Callable[[Job, Work], str]
"""Does a job and returns the text of its result."""

Between = Callable[[Pause], None]
"""Uses a pause between jobs; called after each job, and about once a second while there is none."""

BEAT_S = 1.0
"""How often the runner says that it is alive, s."""

LOOK_AGAIN_S = 1.0
"""How often the queue is read even though nothing seems to have changed, s."""

UNFORESEEN = Reason(
    "the bridge failed in a way that nobody foresaw; its own messages have the details",
    5000,
    "Tell whoever runs the bridge the id of this job.",
)

logger = logging.getLogger(__name__)


class Runner:
    """Works off the queue of one device.

    Args:
        store: Where the jobs are.
        device: Whose queue.
        run: Does a job; it should ask ``work.cancelled()`` often and raise `errors.Cancelled` when it says yes.
        poll_s: How often to look for new jobs, s.
        max_result_bytes: Larger results fail.
        patience_s: How long to wait for a runner of the same device that is about to leave, s.
        between: Uses the pauses between jobs; whatever it raises is noted, and the next job starts.
        pause_s: How long a job may wait for the end of such a pause, s.
        exit: Ends this process at once: called when a program does not stop, after its job was settled.
    """

    def __init__(
        self,
        store: Store,
        device: str,
        run: Run,
        *,
        poll_s: float = 0.005,
        max_result_bytes: int = 900 * 2**20,
        patience_s: float = 0.0,
        between: Between | None = None,
        pause_s: float = 60.0,
        exit: Callable[[], None] = lambda: os._exit(1),
    ) -> None:
        self.name = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._store = store
        self._device = device
        self._run = run
        self._poll_s = poll_s
        self._max_result_bytes = max_result_bytes
        self._queue = Queue(store.database, device, self.name, store.limits)
        self._stop = threading.Event()
        self._patience_s = patience_s
        self._exit = exit
        self._between = between
        self._pause_s = pause_s
        self._current: tuple[Job, Work] | None = None
        self._lost: OperatorError | None = None

    def stop(self) -> None:
        """Leave `serve` soon; a running job goes back to the queue. May be called from a signal or another thread."""
        self._stop.set()

    def serve(self) -> None:
        """Work until `stop`.

        Raises:
            OperatorError: If another runner works for this device, or took it while the database was away.
        """
        with ExitStack() as held:
            turn = held.enter_context(Turn(self._store, self._device, self._stop, self._patience_s))
            for job in self._queue.recover():
                logger.warning("job %s was left running by a dead runner and is now %s", job.id, job.state)
            held.enter_context(self._heard(turn))
            watch = self._store.database.watch()
            held.callback(watch.close)
            idle_s = LOOK_AGAIN_S
            while not self._stop.is_set():
                if watch.changed() or idle_s >= LOOK_AGAIN_S:
                    idle_s = 0.0
                    while not self._stop.is_set() and self.step():
                        self.rest()
                    self.rest()
                self._stop.wait(self._poll_s)
                idle_s += self._poll_s
            if self._lost is not None:
                raise self._lost

    def step(self) -> bool:
        """Do the next job, if there is one. Returns whether there was."""
        taken = self._queue.take()
        if taken is None:
            return False
        job = taken.job
        began_ns = time.time_ns()
        trace = traces.trace_id(job.id)
        with (
            about(job=job.id, device=self._device, attempt=job.attempts, trace=trace),
            traces.running(job.id, job.attempts, began_ns),
        ):
            created_ns = 1000 * to_microseconds(job.created)
            took(Stage.WAIT, created_ns, 1e-9 * (began_ns - created_ns))
            logger.info("job %s starts, %s", job.id, job.program_id)
            self._do(job, taken.params)
            logger.info("job %s has left the device after %.3f s", job.id, 1e-9 * (time.time_ns() - began_ns))
        return True

    def rest(self) -> None:
        """Let the pause between two jobs be used, if there is a use for it."""
        if self._between is None or self._stop.is_set():
            return
        try:
            self._between(Pause(self._queue, self._stop, self._pause_s))
        except BridgeError as error:
            logger.warning("the pause between jobs ended: %s", error.sentence)
        except Exception:
            # the device's jobs must go on
            logger.exception("the pause between jobs ended in a way that nobody foresaw")

    def _do(self, job: Job, params: str) -> None:
        work = Work(self._store, self._queue, job, params, self._stop, self.name)
        work.log(f"attempt {job.attempts} starts on {self._device}", "INFO")
        if job.attempts > 1:
            work.log(f"this is attempt {job.attempts}: the runner died during the one before", "WARNING")
        self._current = (job, work)
        try:
            result = self._run(job, work)
        except Cancelled as error:
            self._stopped(job, work, error)
        except RanTooLong:
            # not in its own words: it knows of what was left for this attempt only
            self._end(job, work, Move.OVERRUN, _too_long(job, work))
        except BridgeError as error:
            if not isinstance(error, CallerError):
                logger.error("job %s failed: %s", job.id, error.sentence)
            self._end(job, work, Move.FAIL, _reason(error), _reason(error).text)
        except Exception as error:
            # A traceback names files of this machine, which are none of a user's business.
            logger.exception("job %s failed in a way that nobody foresaw", job.id)
            self._end(job, work, Move.FAIL, UNFORESEEN, f"{UNFORESEEN.text} ({type(error).__name__})")
        except (KeyboardInterrupt, SystemExit):
            # The process was told to leave in the middle of the job: in good order, so this is no attempt.
            self._put_back(job, work)
            raise
        else:
            with stage(Stage.STORE):
                self._finish(job, work, result)
        finally:
            self._current = None

    def _finish(self, job: Job, work: Work, result: str) -> None:
        if work.overrun:
            # However often the program asked: a job over its limit has no result, so that the limit means the same every time.
            self._end(job, work, Move.OVERRUN, _too_long(job, work))
            return
        if len(result) > self._max_result_bytes:
            error = TooLarge(f"a result must have at most {self._max_result_bytes} bytes", given=len(result), where="result")
            self._end(job, work, Move.FAIL, _reason(error), error.sentence)
            return
        book = work.notebook
        if book.attempt > 1 or book.resumed_rows or book.discarded_rows:
            work.log(
                f"attempt {book.attempt}: {book.resumed_rows} rows were taken over, {book.measured_rows} measured, "
                f"{book.discarded_rows} discarded; {book.earlier_s:.6f} s of device time had been used before"
            )
        work.log(f"completed after {work.usage_s:.6f} s of device time", "INFO")
        try:
            self._queue.finish(job, result, work.usage_s)
        except StoreFault as error:
            # A large result may not fit where a short sentence still does.
            logger.error("the result of job %s could not be stored: %s", job.id, error.sentence)
            self._end(job, work, Move.FAIL, _reason(error), _reason(error).text)

    def _stopped(self, job: Job, work: Work, error: Cancelled) -> None:
        if work.stopped_by is Move.OVERRUN:
            self._end(job, work, Move.OVERRUN, _too_long(job, work))
        elif work.stopped_by is Move.PUT_BACK:
            self._put_back(job, work)
        elif work.stopped_by is Move.CANCEL or self._queue.cancel_requested(job):
            self._end(job, work, Move.CANCEL, CANCELLED)
        else:
            self._end(job, work, Move.FAIL, _reason(error), "the device stopped this job, though nobody asked for it")

    def _put_back(self, job: Job, work: Work) -> None:
        work.log("the runner stops; the job waits for the next one", "INFO")
        work.notebook.keep()
        self._queue.put_back(replace(job, usage_s=work.usage_s))

    def _end(self, job: Job, work: Work, move: Move, reason: Reason, *lines: str) -> None:
        if lines and job.private:
            # a reason may tell of the circuits: its owner reads it in the job, and nobody in the log
            lines = (f"ended with code {reason.code}",)
        self._queue.end(job, move, reason, work.usage_s, lines)

    def _settle(self, job: Job, work: Work) -> None:
        """End a job whose program does not hear."""
        assert work.stopped_by is not None
        if work.stopped_by is Move.PUT_BACK:
            self._queue.put_back(replace(job, usage_s=work.usage_s))
        else:
            reason = CANCELLED if work.stopped_by is Move.CANCEL else _too_long(job, work)
            self._end(job, work, work.stopped_by, reason, "the program did not stop when it was told to; its process was ended")

    @contextmanager
    def _heard(self, turn: Turn) -> Iterator[None]:
        deaf = Deaf(self._exit)

        def beat() -> None:
            if self._lost is None and not turn.keep():
                self._lost = turn.refusal()
                self.stop()
            if self._lost is None:
                self._store.devices.beat(self._device, self.name)
            deaf.look(self._current, self._settle)

        self._store.devices.beat(self._device, self.name)
        try:
            with rounds(f"heartbeat of {self._device}", beat, BEAT_S):
                yield
        finally:
            self._store.devices.leave(self._device, self.name)


def _reason(error: BridgeError) -> Reason:
    """What its user is told: of the operator's files and addresses nothing."""
    if isinstance(error, StoreFault | SettingsError | DriverLost):
        return Reason(f"{error.must}. {error.remedy}".strip(), error.code, error.remedy)
    return Reason(error.sentence, error.code, error.remedy)


def _too_long(job: Job, work: Work) -> Reason:
    error = RanTooLong(
        f"the job must use at most {job.cost} s of device time",
        given=f"{work.usage_s:.3f} s",
        where="max_execution_time",
        remedy="Raise max_execution_time, or ask for less.",
    )
    return _reason(error)
