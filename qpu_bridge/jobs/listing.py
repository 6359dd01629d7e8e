"""Finding jobs: filters and pages as the client asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs.job import Job, Owner, to_microseconds
from qpu_bridge.jobs.rows import to_jobs
from qpu_bridge.jobs.states import FINAL, PENDING
from qpu_bridge.jobs.tables import jobs, tags

LONGEST_PAGE = 200
LARGEST_OFFSET = 2**62
"""Beyond what a 64-bit column can count nothing can be found; SQLite refuses larger numbers."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs, and which page of them.

    Attributes:
        owner: Only theirs; None for everybody's.
        limit: Page length; outside 1..200 it is 200.
        offset: How many to skip, 0 or more.
        backend: Only of this device.
        pending: Only pending, or only final ones.
        program_id: Only of this program.
        tags: Only with all of these.
        session_id: Only of this session.
        created_after: Not older than this.
        created_before: Not younger than this.
        oldest_first: The usual order is newest first.
        user: Only of this user, in whichever instance.
        without_backends: Not of these devices.
    """

    owner: Owner | None
    limit: int = LONGEST_PAGE
    offset: int = 0
    backend: str | None = None
    pending: bool | None = None
    program_id: str | None = None
    tags: tuple[str, ...] = ()
    session_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    oldest_first: bool = False
    user: str | None = None
    without_backends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, and how many there are.

    Attributes:
        jobs: The page.
        count: All that match; but `offset` when the page is empty, or the client would ask for the rest for ever.
        limit: Page length used.
        offset: Jobs skipped.
    """

    jobs: tuple[Job, ...]
    count: int
    limit: int
    offset: int


def page(connection: Connection, wanted: Filter) -> Page:
    """One page of the jobs that match.

    Raises:
        BadRequest: If it would begin before the first.
    """
    if wanted.offset < 0:
        raise BadRequest("offset must be 0 or more", given=wanted.offset, where="offset")
    limit = wanted.limit if 1 <= wanted.limit <= LONGEST_PAGE else LONGEST_PAGE
    offset = min(wanted.offset, LARGEST_OFFSET)
    conditions = _conditions(wanted)
    order = jobs.c.number.asc() if wanted.oldest_first else jobs.c.number.desc()
    query = select(jobs).where(*conditions).order_by(order).limit(limit).offset(offset)
    found = to_jobs(connection, connection.execute(query).all())
    total = connection.execute(select(func.count()).select_from(jobs).where(*conditions)).scalar_one()
    return Page(found, total if found else offset, limit, offset)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.owner is not None:
        conditions += [jobs.c.user == wanted.owner.user, jobs.c.instance == wanted.owner.instance]
    if wanted.user is not None:
        conditions.append(jobs.c.user == wanted.user)
    if wanted.backend is not None:
        conditions.append(jobs.c.backend == wanted.backend)
    if wanted.without_backends:
        conditions.append(jobs.c.backend.not_in(wanted.without_backends))
    if wanted.pending is not None:
        conditions.append(jobs.c.state.in_(sorted(PENDING if wanted.pending else FINAL)))
    if wanted.program_id is not None:
        conditions.append(jobs.c.program_id == wanted.program_id)
    conditions += [select(tags.c.job).where(tags.c.job == jobs.c.number, tags.c.tag == tag).exists() for tag in wanted.tags]
    if wanted.session_id is not None:
        conditions.append(jobs.c.session_id == wanted.session_id)
    if wanted.created_after is not None:
        conditions.append(jobs.c.created >= to_microseconds(wanted.created_after))
    if wanted.created_before is not None:
        conditions.append(jobs.c.created <= to_microseconds(wanted.created_before))
    return conditions
