"""The store: every job that was ever accepted, durable before the answer is sent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs import interim, listing, session_rows
from qpu_bridge.jobs.audit import BRIDGE, Audit, record
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.devices import Devices
from qpu_bridge.jobs.estimates import expected_s
from qpu_bridge.jobs.forecast import Expected, expected
from qpu_bridge.jobs.job import Job, Owner, Request, from_microseconds, now, to_microseconds
from qpu_bridge.jobs.maintenance import Maintenance
from qpu_bridge.jobs.priorities import Priorities, of_new_jobs
from qpu_bridge.jobs.private import forget_inputs
from qpu_bridge.jobs.queue import CANCELLED
from qpu_bridge.jobs.quotas import Quotas, require
from qpu_bridge.jobs.repeats import Repeats
from qpu_bridge.jobs.rows import by_id, to_job
from qpu_bridge.jobs.sessions import Sessions
from qpu_bridge.jobs.states import PENDING, Move, State, after, target
from qpu_bridge.jobs.tables import jobs, logs, params, results, tags, usage
from qpu_bridge.jobs.tokens import Tokens
from qpu_bridge.jobs.users import Users
from qpu_bridge.settings import Limits

# Made once: to write a query down in Python takes longer than to answer it.
_NEW = insert(jobs).returning(jobs)
_PARAMS = insert(params)
_TAGS = insert(tags)
_LINE = insert(logs)
_RESULT = select(results.c.text).where(results.c.job == bindparam("number"))


class Store:
    """Jobs, as the service and the command line see them. Safe for many threads and processes.

    Args:
        address: The SQLite file, made if it is missing; or the URL of a PostgreSQL database.
        limits: What nobody may exceed.
        clock: What time it is.

    Raises:
        SettingsError: If the file belongs to another version.
        StoreFault: If it cannot be used. Every method may raise this.
    """

    def __init__(self, address: Path | str, *, limits: Limits | None = None, clock: Callable[[], datetime] = now) -> None:
        self.limits = limits or Limits()
        self.database = Database(address, clock)
        self.users = Users(self.database)
        self.tokens = Tokens(self.database)
        self.audit = Audit(self.database)
        self.devices = Devices(self.database)
        self.maintenance = Maintenance(self.database)
        self.sessions = Sessions(self.database)
        self.quotas = Quotas(self.database, self.limits)
        self.priorities = Priorities(self.database)
        self.repeats = Repeats(self.database, jobs)

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def accept(self, owner: Owner, request: Request) -> Job:
        """Keep a request: when this returns, it is on the disk. The same request key gives the same job again.

        Args:
            owner: Whose it is.
            request: What is asked.

        Raises:
            BadRequest: If its session does not exist, or is for other jobs; or its key stands for another request.
            WrongState: If its session takes no more jobs.
            QuotaReached: If the owner has as many jobs, or used as much device time, as they may.
        """
        at = self.database.at()
        with self.database.write() as connection:
            known = self.repeats.made_in(connection, owner, request.key, request.digest)
            if known is not None:
                return _existing(connection, known, owner)
            require(connection, self.limits, owner, at)
            if request.opening is not None:
                request = replace(request, session_id=session_rows.open_session(connection, owner, request.opening, at).id)
            request = session_rows.joined(connection, owner, request, at)
            estimate_s = expected_s(connection, owner, request.backend, request.program_id, request.estimate_s)
            identifier = secrets.token_hex(10)
            values = {
                "id": identifier,
                "user": owner.user,
                "instance": owner.instance,
                "program_id": request.program_id,
                "backend": request.backend,
                "state": State.QUEUED,
                "log_level": request.log_level,
                "cost": request.cost,
                "calibration_id": request.calibration_id,
                "session_id": request.session_id,
                "private": request.private,
                "priority": of_new_jobs(connection, owner),
                "planned_s": request.estimate_s,
                "estimate_s": estimate_s,
                "created": at,
                "request_key": request.key,
                "digest": request.digest,
                "caller": request.caller,
                "qiskit_version": request.qiskit_version,
            }
            row = connection.execute(_NEW, values).one()
            connection.execute(_PARAMS, {"job": row.number, "text": request.params})
            words = _put_tags(connection, row.number, request.tags)
            if request.session_id is None:
                return to_job(row, words)
            session_rows.review(connection, request.session_id, at)
            return _existing(connection, identifier, owner)

    def expected(self, job: Job) -> Expected:
        """What a job that waits may expect of the line."""
        with self.database.read() as connection:
            return expected(connection, job, self.database.at(), self.limits)

    def job(self, job_id: str, owner: Owner | None = None) -> Job:
        """A job; with an owner, only if it is theirs.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
        """
        with self.database.read() as connection:
            return _existing(connection, job_id, owner)

    def job_named(self, start: str) -> Job:
        """A job by its id, or by as much of its beginning as no other id has.

        Raises:
            NotFound: If there is none.
            BadRequest: If several begin so.
        """
        query = select(jobs.c.id).where(jobs.c.id.startswith(start.lower(), autoescape=True)).limit(2)
        with self.database.read() as connection:
            found = connection.execute(query).scalars().all() if start else []
            if len(found) > 1 and start not in found:
                raise BadRequest("the beginning of an id must belong to one job", given=start, remedy="Give more of it.")
            return _existing(connection, found[0] if len(found) == 1 else start, None)

    def page(self, wanted: listing.Filter) -> listing.Page:
        """One page of the jobs that match."""
        with self.database.read() as connection:
            return listing.page(connection, wanted)

    def params(self, job: Job) -> bytes:
        """JSON text of the parameters, as it was received.

        Raises:
            NotFound: If they are kept no longer.
        """
        with self.database.read() as connection:
            text = connection.execute(select(params.c.text).where(params.c.job == job.number)).scalar_one_or_none()
        if text is None:
            remedy = "Ask with exclude_params=true."
            raise NotFound("the parameters of a job must be kept still", given="they have expired", where=job.id, remedy=remedy)
        return bytes(text)

    def result(self, job: Job) -> bytes | None:
        """Text of the result, or None while there is none, or when that of a private job has been given out.

        Raises:
            NotFound: If it is kept no longer.
        """
        with self.database.read() as connection:
            text = connection.execute(_RESULT, {"number": job.number}).scalar_one_or_none()
        if text is None and job.state is State.COMPLETED and not job.private:
            raise NotFound("the result of a job must be kept still", given="it has expired", where=job.id)
        return None if text is None else bytes(text)

    def log(self, job: Job, text: str, level: str) -> None:
        """Add a line to the job's log."""
        with self.database.note() as connection:
            connection.execute(_LINE, {"job": job.number, "at": self.database.at(), "level": level, "text": text})

    def log_lines(self, job: Job) -> tuple[tuple[datetime, str, str], ...]:
        """The job's log: time, level, text."""
        query = select(logs.c.at, logs.c.level, logs.c.text).where(logs.c.job == job.number).order_by(logs.c.line)
        with self.database.read() as connection:
            return tuple((from_microseconds(at), level, text) for at, level, text in connection.execute(query))

    def set_tags(self, job: Job, words: tuple[str, ...]) -> None:
        """Replace the tags.

        Raises:
            NotFound: If somebody has deleted it.
        """
        with self.database.write() as connection:
            _existing(connection, job.id, job.owner)
            connection.execute(delete(tags).where(tags.c.job == job.number))
            _put_tags(connection, job.number, words)

    def tags(self, owner: Owner, containing: str = "") -> tuple[str, ...]:
        """All tags on the owner's jobs that contain a text, in alphabetical order."""
        query = (
            select(tags.c.tag)
            .join(jobs, jobs.c.number == tags.c.job)
            .where(jobs.c.user == owner.user, jobs.c.instance == owner.instance)
            .where(tags.c.tag.icontains(containing, autoescape=True))
            .distinct()
            .order_by(tags.c.tag)
        )
        with self.database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def cancel(self, job_id: str, owner: Owner | None = None, *, actor: str = BRIDGE) -> Job:
        """Cancel a queued job at once; ask for a running one to be stopped.

        Args:
            job_id: Which.
            owner: Whose it must be; None for anybody's, which is an administrative act.
            actor: Who does this, if it is one.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
            WrongState: If it has ended.
        """
        at = self.database.at()
        with self.database.write() as connection:
            job = _existing(connection, job_id, owner)
            after(job.state, Move.CANCEL)
            change = update(jobs).where(jobs.c.number == job.number).values(cancel_requested=True)
            used_s = 0.0
            if job.state is State.QUEUED:
                used_s = interim.dismiss(connection, at, jobs.c.number == job.number)
                change = change.values(
                    state=target(Move.CANCEL),
                    finished=at,
                    reason=CANCELLED.text,
                    reason_code=CANCELLED.code,
                )
            connection.execute(change)
            forget_inputs(connection, jobs.c.number == job.number)
            if owner is None:
                record(connection, actor, "job.cancel", job.id, f"of {job.owner.user}@{job.owner.instance}")
                said = "an administrator cancelled this job"
                connection.execute(_LINE, {"job": job.number, "at": at, "level": "WARNING", "text": said})
            session_rows.cancelled(connection, job.session_id, at, used_s)
            return _existing(connection, job_id, owner)

    def delete(self, job_id: str, owner: Owner | None = None) -> None:
        """Forget a job that has ended, with all that belongs to it; its device time stays on the owner's account.

        Raises:
            NotFound: If there is none, or it belongs to somebody else.
            WrongState: If it has not ended.
        """
        with self.database.write() as connection:
            job = _existing(connection, job_id, owner)
            if job.state in PENDING:
                raise WrongState("a job can be deleted only when it has ended", given=str(job.state), remedy="Cancel it first.")
            connection.execute(delete(jobs).where(jobs.c.number == job.number))

    def usage_s(self, owner: Owner, since: datetime) -> float:
        """Device time that the owner's jobs used since a moment, s."""
        query = select(func.coalesce(func.sum(usage.c.seconds), 0.0)).where(
            usage.c.user == owner.user, usage.c.instance == owner.instance, usage.c.at >= to_microseconds(since)
        )
        with self.database.read() as connection:
            return float(connection.execute(query).scalar_one())


def _existing(connection: Connection, job_id: str, owner: Owner | None) -> Job:
    job = by_id(connection, job_id, owner)
    if job is None:
        raise NotFound("the job must exist", given=job_id[:64])
    return job


def _put_tags(connection: Connection, number: int, words: tuple[str, ...]) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(words))
    if unique:
        connection.execute(_TAGS, [{"job": number, "position": i, "tag": tag} for i, tag in enumerate(unique)])
    return unique
