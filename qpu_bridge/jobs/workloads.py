"""Workloads: single jobs, sessions and batches in one list."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, or_, select, tuple_, union_all

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import Job, Owner, to_microseconds
from qpu_bridge.jobs.opening import Mode
from qpu_bridge.jobs.rows import to_jobs
from qpu_bridge.jobs.session_life import Session, SessionState
from qpu_bridge.jobs.session_rows import review, to_session
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs, sessions, tags

LONGEST_PAGE = 50


class Status(StrEnum):
    """How a workload is."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"


OF_JOB = {
    State.QUEUED: Status.PENDING,
    State.RUNNING: Status.IN_PROGRESS,
    State.COMPLETED: Status.COMPLETED,
    State.CANCELLED: Status.CANCELED,
    State.FAILED: Status.FAILED,
}

OF_SESSION = {
    SessionState.OPEN: Status.PENDING,
    SessionState.ACTIVE: Status.IN_PROGRESS,
    SessionState.PENDING_INACTIVE: Status.IN_PROGRESS,
    SessionState.INACTIVE: Status.IN_PROGRESS,
    SessionState.PENDING_CLOSED: Status.IN_PROGRESS,
    SessionState.CLOSED: Status.COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Workload:
    """A single job, or a session with the tags of its jobs."""

    what: Job | Session
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkloadFilter:
    """Which workloads, and which page of them.

    Attributes:
        owner: Whose.
        limit: Page length, 1 to 50.
        newest_first: The order.
        after: Cursor: only what follows it.
        before: Cursor: only what precedes it, the last of that.
        backend: Only on this device.
        search: Only whose id, or one of whose tags, contains this.
        statuses: Only these; none for all.
        mode: Only of this kind: ``job``, ``session``, ``batch``.
        tags: Only with all of these.
        created_after: Not older than this.
        created_before: Not younger than this.
        without_backends: Not on these devices.
    """

    owner: Owner
    limit: int = 10
    newest_first: bool = False
    after: str | None = None
    before: str | None = None
    backend: str | None = None
    search: str = ""
    statuses: tuple[Status, ...] = ()
    mode: str | None = None
    tags: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    without_backends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkloadPage:
    """Some workloads.

    Attributes:
        workloads: The page.
        count: All that match.
        next: Cursor of the page that follows, if there is one.
        previous: Cursor of the page that precedes it, if there is one.
    """

    workloads: tuple[Workload, ...]
    count: int
    next: str | None
    previous: str | None


def page(database: Database, wanted: WorkloadFilter) -> WorkloadPage:
    """One page of the workloads that match.

    Raises:
        BadRequest: If a cursor is none of ours.
    """
    _catch_up(database, wanted.owner, database.at())
    backwards = wanted.before is not None
    ascending = wanted.newest_first is backwards
    cursor = wanted.before if backwards else wanted.after
    with database.read() as connection:
        found = _matching(wanted).subquery()
        count = connection.execute(select(func.count()).select_from(found)).scalar_one()
        place = tuple_(found.c.created, found.c.id)
        query = select(found.c.kind, found.c.id, found.c.created)
        if cursor is not None:
            edge = tuple_(*(literal(part) for part in _place(cursor)))
            query = query.where(place > edge if ascending else place < edge)
        columns = (found.c.created, found.c.id)
        query = query.order_by(*(column if ascending else column.desc() for column in columns)).limit(wanted.limit + 1)
        rows = connection.execute(query).all()
        more = len(rows) > wanted.limit
        keys = rows[: wanted.limit]
        if backwards:
            keys = keys[::-1]
        workloads = tuple(_load(connection, kind, identifier) for kind, identifier, _ in keys)
    ahead, behind = (cursor is not None, more) if backwards else (more, cursor is not None)
    ends = [_cursor(row.created, row.id) for row in (keys[0], keys[-1])] if keys else [None, None]
    return WorkloadPage(workloads, count, ends[1] if ahead else None, ends[0] if behind else None)


def _catch_up(database: Database, owner: Owner, at: int) -> None:
    query = select(sessions.c.id).where(
        sessions.c.user == owner.user, sessions.c.instance == owner.instance, sessions.c.due <= at
    )
    with database.read() as connection:
        late = connection.execute(query).scalars().all()
    if late:
        with database.write() as connection:
            for session_id in late:
                review(connection, session_id, at)


def _matching(wanted: WorkloadFilter) -> Select[Any]:
    alone = select(
        jobs.c.id, jobs.c.created, jobs.c.backend, literal("job").label("kind"), _status(jobs.c.state, OF_JOB).label("status")
    ).where(jobs.c.session_id.is_(None), *_named(wanted, jobs.c.number == tags.c.job, jobs.c.id), *_of(wanted, jobs))
    kind = case((sessions.c.mode == Mode.BATCH, "batch"), else_="session")
    grouped = select(
        sessions.c.id,
        sessions.c.created,
        sessions.c.backend,
        kind.label("kind"),
        _status(sessions.c.state, OF_SESSION).label("status"),
    ).where(
        *_named(wanted, and_(jobs.c.session_id == sessions.c.id, jobs.c.number == tags.c.job), sessions.c.id),
        *_of(wanted, sessions),
    )
    both = union_all(alone, grouped).subquery()
    query = select(both)
    if wanted.mode is not None:
        query = query.where(both.c.kind == wanted.mode)
    if wanted.statuses:
        query = query.where(both.c.status.in_(wanted.statuses))
    return query


def _of(wanted: WorkloadFilter, table: Any) -> list[ColumnElement[bool]]:
    conditions = [table.c.user == wanted.owner.user, table.c.instance == wanted.owner.instance]
    if wanted.backend is not None:
        conditions.append(table.c.backend == wanted.backend)
    if wanted.without_backends:
        conditions.append(table.c.backend.not_in(wanted.without_backends))
    if wanted.created_after is not None:
        conditions.append(table.c.created >= to_microseconds(wanted.created_after))
    if wanted.created_before is not None:
        conditions.append(table.c.created <= to_microseconds(wanted.created_before))
    return conditions


def _named(wanted: WorkloadFilter, mine: ColumnElement[bool], identifier: ColumnElement[str]) -> list[ColumnElement[bool]]:
    def some(condition: ColumnElement[bool]) -> ColumnElement[bool]:
        # the outer query's table stays outside: jobs for a job, sessions for a session
        outer = identifier.table
        return select(tags.c.job).where(mine, condition).correlate(outer).exists()

    conditions = [some(tags.c.tag == tag) for tag in wanted.tags]
    if wanted.search:
        found = some(tags.c.tag.contains(wanted.search, autoescape=True))
        conditions.append(or_(identifier.contains(wanted.search, autoescape=True), found))
    return conditions


def _status(state: ColumnElement[str], words: dict[Any, Status]) -> ColumnElement[str]:
    return case({str(name): str(word) for name, word in words.items()}, value=state)


def _load(connection: Connection, kind: str, identifier: str) -> Workload:
    if kind == "job":
        (job,) = to_jobs(connection, [connection.execute(select(jobs).where(jobs.c.id == identifier)).one()])
        return Workload(job, job.tags)
    session = to_session(connection.execute(select(sessions).where(sessions.c.id == identifier)).one())
    words = select(tags.c.tag).join(jobs, jobs.c.number == tags.c.job).where(jobs.c.session_id == identifier)
    return Workload(session, tuple(connection.execute(words.distinct().order_by(tags.c.tag)).scalars()))


def _cursor(created: int, identifier: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([created, identifier]).encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        created, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        created, identifier = None, None
    if not isinstance(created, int) or isinstance(created, bool) or not isinstance(identifier, str) or abs(created) >= 2**63:
        raise BadRequest("a cursor must be one that a page gave", given=cursor[:64], where="next or previous")
    return created, identifier
