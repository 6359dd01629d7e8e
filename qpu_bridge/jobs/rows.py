"""Rows of the store to jobs and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from qpu_bridge.jobs.job import Job, Owner, from_microseconds
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs, tags

# Made once: to write a query down in Python takes longer than to answer it.
_TAGS = select(tags.c.tag).where(tags.c.job == bindparam("job")).order_by(tags.c.position)
_BY_ID = select(jobs).where(jobs.c.id == bindparam("id"))
_BY_ID_OF_OWNER = _BY_ID.where(jobs.c.user == bindparam("user"), jobs.c.instance == bindparam("instance"))


def to_jobs(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Job, ...]:
    """Jobs with their tags, in the order of the rows."""
    if len(rows) == 1:
        (row,) = rows
        return (to_job(row, tuple(connection.execute(_TAGS, {"job": row.number}).scalars())),)
    found: dict[int, list[str]] = {row.number: [] for row in rows}
    if found:
        query = select(tags.c.job, tags.c.tag).where(tags.c.job.in_(found)).order_by(tags.c.job, tags.c.position)
        for number, tag in connection.execute(query):
            found[number].append(tag)
    return tuple(to_job(row, tuple(found[row.number])) for row in rows)


def by_id(connection: Connection, job_id: str, owner: Owner | None) -> Job | None:
    """A job by its public name; None if there is none, or if it is somebody else's."""
    if owner is None:
        row = connection.execute(_BY_ID, {"id": job_id}).one_or_none()
    else:
        row = connection.execute(_BY_ID_OF_OWNER, {"id": job_id, "user": owner.user, "instance": owner.instance}).one_or_none()
    return None if row is None else to_jobs(connection, [row])[0]


def to_job(row: Row[Any], words: tuple[str, ...]) -> Job:
    """A job with its tags."""
    return Job(
        number=row.number,
        id=row.id,
        owner=Owner(row.user, row.instance),
        program_id=row.program_id,
        backend=row.backend,
        state=State(row.state),
        reason=row.reason,
        reason_code=row.reason_code,
        solution=row.solution,
        tags=words,
        log_level=row.log_level,
        cost=row.cost,
        calibration_id=row.calibration_id,
        session_id=row.session_id,
        private=row.private,
        priority=row.priority,
        estimate_s=row.estimate_s,
        seed=row.seed,
        driver_deaths=row.driver_deaths,
        created=from_microseconds(row.created),
        running=_moment(row.running),
        finished=_moment(row.finished),
        attempts=row.attempts,
        cancel_requested=row.cancel_requested,
        usage_s=row.usage_s,
        caller=row.caller,
        qiskit_version=row.qiskit_version,
    )


def _moment(number: int | None) -> datetime | None:
    return None if number is None else from_microseconds(number)
