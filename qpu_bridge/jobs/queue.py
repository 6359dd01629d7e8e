"""The line in front of one device, as its runner sees it: take a job, end it, put it back.

Every change is fenced: it happens only while the job runs under this runner's name, so a runner that was thought dead
cannot write over its successor.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import Update

from qpu_bridge.errors import WrongState
from qpu_bridge.jobs import account, interim, session_rows
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.fence import FENCE
from qpu_bridge.jobs.job import Job, Reason
from qpu_bridge.jobs.order import is_free, next_in_line
from qpu_bridge.jobs.private import forget_inputs
from qpu_bridge.jobs.rows import by_id, to_jobs
from qpu_bridge.jobs.states import CAN, Move, State, sources, target
from qpu_bridge.jobs.tables import jobs, logs, params, results
from qpu_bridge.settings import Limits

ATTEMPTS = 2
"""A job whose runner died this many times is poison and is not tried again."""

POISON = Reason(
    f"the process that ran this job died {ATTEMPTS} times; it is not tried again",
    3102,
    "Make the job smaller, or show its log to whoever runs the bridge.",
)

CANCELLED = Reason("cancelled on request", 2000)


# Made once: to write a query down in Python takes longer than to answer it.
_START = (
    update(jobs)
    .where(jobs.c.number == bindparam("chosen"))
    .values(
        state=target(Move.START),
        running=bindparam("at"),
        attempts=jobs.c.attempts + 1,
        # drawn once: an attempt that follows draws the same rows
        seed=func.coalesce(jobs.c.seed, bindparam("drawn")),
        runner=bindparam("me"),
    )
    .returning(jobs)
)
_PARAMS = select(params.c.text).where(params.c.job == bindparam("job"))
_RESULT = insert(results)
_LINE = insert(logs)
_CANCEL_REQUESTED = select(jobs.c.cancel_requested).where(jobs.c.number == bindparam("job"))


@cache
def _moved(move: Move) -> Update:
    """A move of a job that this runner runs; what else changes comes with the parameters."""
    return update(jobs).where(*FENCE, jobs.c.state.in_(sources(move))).values(state=target(move))


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that was taken, with the text of its parameters."""

    job: Job
    params: str


class Queue:
    """The jobs of one device, for one runner.

    Args:
        database: Where they are kept.
        device: Which device.
        runner: Name of the runner, different for each process that ever ran.
        limits: The rack's.
    """

    def __init__(
        self,
        database: Database,
        device: str,
        runner: str,
        limits: Limits | None = None,
    ) -> None:
        self._database = database
        self._device = device
        self._runner = runner
        self._limits = limits or Limits()
        self._busy = False

    def take(self) -> Taken | None:
        """Start the next job, if there is one that may start now; see `order`."""
        at = self._database.at()
        overdue: tuple[str, ...] = ()
        # a look locks nobody out; where one job was, another mostly is, and one look is enough
        if not self._busy:
            with self._database.read() as connection:
                overdue = session_rows.overdue(connection, self._device, at)
                if not overdue and next_in_line(connection, self._device, at, self._limits) is None:
                    return None
        # a start is not worth a flush: after a power cut the job is queued still, which is what it ought to be
        with self._database.write() if overdue else self._database.note() as connection:
            late = session_rows.overdue(connection, self._device, at)
            if overdue or not late:
                return self._start(connection, late, at)
        # the end of a session is worth one
        self._busy = False
        return self.take()

    def _start(self, connection: Connection, late: tuple[str, ...], at: int) -> Taken | None:
        # what time has done to sessions comes first: a job of theirs may be cancelled, the device may be free
        for session_id in late:
            session_rows.review(connection, session_id, at)
        # decided here, for others may have acted since we looked: cancelled, paused, planned maintenance, lowered a quota
        chosen = next_in_line(connection, self._device, at, self._limits)
        self._busy = chosen is not None
        if chosen is None:
            return None
        told = {"chosen": chosen, "at": at, "drawn": secrets.randbits(63), "me": self._runner}
        row = connection.execute(_START, told).one()
        session_rows.started(connection, row.session_id, self._device, at, self._limits.batch_turn_seconds)
        text = connection.execute(_PARAMS, {"job": row.number}).scalar_one()
        return Taken(to_jobs(connection, [row])[0], text.decode("utf-8"))

    def gap(self) -> tuple[bool, bool]:
        """Whether nobody has the device for themselves at this moment, and whether a job could start."""
        at = self._database.at()
        with self._database.read() as connection:
            if session_rows.overdue(connection, self._device, at):
                # what time has done to sessions is done by `take`: until then, somebody may have the device or want it
                return False, True
            free = is_free(connection, self._device, at)
            return free, next_in_line(connection, self._device, at, self._limits) is not None

    def finish(self, job: Job, result: str, usage_s: float) -> None:
        """Store the result and the state in one transaction: a result is whole or absent."""
        with self._database.write() as connection:
            self._end(connection, job, Move.FINISH, None, usage_s)
            connection.execute(_RESULT, {"job": job.number, "text": result.encode("utf-8")})

    def end(self, job: Job, move: Move, reason: Reason, usage_s: float, lines: tuple[str, ...] = ()) -> None:
        """End without a result: failed, cancelled, overrun; the last lines of the log go with it."""
        with self._database.write() as connection:
            self._end(connection, job, move, reason, usage_s)
            for line in lines:
                connection.execute(_LINE, {"job": job.number, "at": self._database.at(), "level": "ERROR", "text": line})

    def put_back(self, job: Job) -> None:
        """Queue a job again whose runner stops in good order, which is no attempt; if somebody wants it stopped, end it."""
        with self._database.write() as connection:
            query = select(jobs.c.cancel_requested).where(jobs.c.number == job.number)
            if connection.execute(query).scalar_one_or_none():
                self._end(connection, job, Move.CANCEL, CANCELLED, job.usage_s)
                return
            self._move(connection, job, Move.PUT_BACK, counted=False, runner=None, running=None, usage_s=job.usage_s)
            session_rows.stopped(connection, job.session_id, self._database.at(), 0.0, ended=False)

    def cancel_requested(self, job: Job) -> bool:
        """Whether somebody wants it stopped."""
        with self._database.read() as connection:
            return bool(connection.execute(_CANCEL_REQUESTED, {"job": job.number}).scalar_one())

    def recover(self) -> tuple[Job, ...]:
        """Settle what a dead runner left running: cancelled if asked for, failed if poison, else queued again.

        Call only while holding the device's lock: then nobody else can be running them.
        """
        with self._database.write() as connection:
            query = select(jobs).where(jobs.c.backend == self._device, jobs.c.state == State.RUNNING).order_by(jobs.c.number)
            left = to_jobs(connection, connection.execute(query).all())
            for job in left:
                if job.cancel_requested:
                    self._settle(connection, job, Move.CANCEL, CANCELLED)
                elif job.attempts >= ATTEMPTS:
                    self._settle(connection, job, Move.FAIL, POISON)
                else:
                    self._settle(connection, job, Move.PUT_BACK, None)
            return tuple(after for job in left if (after := by_id(connection, job.id, None)) is not None)

    def _settle(self, connection: Connection, job: Job, move: Move, reason: Reason | None) -> None:
        connection.execute(update(jobs).where(jobs.c.number == job.number).values(runner=self._runner))
        if reason is None:
            self._move(connection, job, move, runner=None, running=None)
            session_rows.stopped(connection, job.session_id, self._database.at(), 0.0, ended=False)
        else:
            self._end(connection, job, move, reason, job.usage_s)
        text = f"the runner died during attempt {job.attempts}; the job is now {target(move)}"
        connection.execute(_LINE, {"job": job.number, "at": self._database.at(), "level": "ERROR", "text": text})

    def _end(self, connection: Connection, job: Job, move: Move, reason: Reason | None, usage_s: float) -> None:
        at = self._database.at()
        said: dict[str, Any] = (
            {} if reason is None else {"reason": reason.text, "reason_code": reason.code, "solution": reason.solution}
        )
        self._move(connection, job, move, finished=at, usage_s=usage_s, **said)
        interim.forget(connection, job.number)
        account.charge(connection, job.owner, job.id, job.backend, at, usage_s)
        session_rows.stopped(connection, job.session_id, at, usage_s)
        if job.private:
            forget_inputs(connection, jobs.c.number == job.number)

    def _move(self, connection: Connection, job: Job, move: Move, *, counted: bool = True, **values: object) -> None:
        change = _moved(move) if counted else _moved(move).values(attempts=jobs.c.attempts - 1)
        if connection.execute(change, {"job": job.number, "me": self._runner} | values).rowcount != 1:
            raise WrongState(f"a job can {CAN[move]} only while this runner runs it", given=job.id, where=self._device)
