"""Finished rows of running jobs: kept while a job runs, read by its owner, and what a run that died is taken up from."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from qpu_bridge.errors import StoreFault
from qpu_bridge.jobs import account
from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.fence import FENCE
from qpu_bridge.jobs.job import Job, Owner
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import chunks, jobs
from qpu_bridge.programs.finished import Finished, Page

FIRST_S = 0.5
"""How long rows may wait until they are kept, s: a job that is over by then keeps none."""

SHARE = 0.01
"""Part of the time that keeping rows may take: where it is slow, it is done less often."""

MOST_BYTES = 2**30
"""Of one job. Rows beyond are measured again if the run dies."""

PIECE_BYTES = 2**24
"""Rows of one item that are kept together, about, before they are compressed."""

# Made once: to write a query down in Python takes longer than to answer it.
_KEPT_BYTES = select(func.coalesce(func.sum(func.length(chunks.c.data)), 0)).where(chunks.c.job == bindparam("job"))
_OURS = select(jobs.c.number).where(*FENCE)
_SPENT = update(jobs).where(*FENCE)
_FORGET = delete(chunks).where(chunks.c.job == bindparam("number"))

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Some finished rows of a running job, in the order in which they came.

    Attributes:
        item: Number of the item.
        first_row: First row within the item.
        at: When they were kept, µs since 1970; the same rows of another run have another.
        data: What `Finished.to_bytes` wrote.
    """

    item: int
    first_row: int
    at: int
    data: bytes


@dataclass(slots=True)
class _Pending:
    page: Page
    first: int
    stop: int
    start: datetime
    end: datetime


class JobNotebook:
    """The `programs.finished.Notebook` of a running job. For one thread.

    Rows are kept in the store without a flush of the disk: they survive the death of every process; a power cut may lose them.

    Args:
        database: Where they are kept.
        job: The job, as it was taken.
        runner: Who runs it; one that was thought dead keeps nothing any more.
        spent: Device time of the job so far, s; kept with the rows.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        job: Job,
        runner: str,
        spent: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.attempt = job.attempts
        self.resumed_rows = 0
        self.measured_rows = 0
        self.discarded_rows = 0
        self.earlier_s = job.usage_s
        self._database = database
        self._job = job
        self._mine = {"job": job.number, "me": runner}
        self._spent = spent
        self._clock = clock
        self._items = 0
        self._known: bool | None = None
        self._pending: list[_Pending] = []
        self._bytes = 0
        self._closed = False
        self._next_s = clock() + FIRST_S

    def item(self) -> int:
        """See `Notebook.item`."""
        self._items += 1
        return self._items - 1

    def recall(self, item: int, key: str) -> Iterator[Finished]:
        """See `Notebook.recall`."""
        if self._known is None:
            self._bytes = self._kept_bytes()
            self._known = self._bytes > 0
        following = 0
        while self._known:
            finished = self._kept(item, following)
            if finished is None:
                # rows after a gap would be in the way of those that are measured now
                self._discard(chunks.c.item == item, chunks.c.first_row >= following)
                return
            if finished.key != key:
                # not even those of later items: they were measured under what is no more
                self._known = False
                self._discard(chunks.c.item >= item)
                return
            self.resumed_rows += finished.rows
            following += finished.rows
            yield finished

    def add(self, page: Page, first_row: int, rows: int, start: datetime, stop: datetime) -> None:
        """See `Notebook.add`."""
        self.measured_rows += rows
        last = self._pending[-1] if self._pending else None
        if last is not None and last.page is page and last.stop == first_row:
            last.stop, last.end = first_row + rows, stop
        else:
            self._pending.append(_Pending(page, first_row, first_row + rows, start, stop))
        if self._clock() >= self._next_s:
            self.keep()

    def keep(self) -> None:
        """Keep now whatever is finished. A disk that is full costs the job its interim results, and nothing else."""
        began_s = self._clock()
        pending, self._pending = self._pending, []
        if not self._closed and pending:
            try:
                self._write(pending)
            except StoreFault as error:
                self._closed = True
                logger.warning("rows of job %s are not kept any more: %s", self._job.id, error.sentence)
        ended_s = self._clock()
        self._next_s = ended_s + max(FIRST_S, (ended_s - began_s) / SHARE)

    def _write(self, pending: list[_Pending]) -> None:
        at = self._database.at()
        rows: list[dict[str, Any]] = [
            {
                "job": self._job.number,
                "item": page.item,
                "first_row": finished.first_row,
                "rows": finished.rows,
                "at": at,
                "data": finished.to_bytes(),
            }
            for page, finished in _pieces(pending)
        ]
        self._bytes += sum(len(row["data"]) for row in rows)
        if self._bytes > MOST_BYTES:
            self._closed = True
            logger.warning("rows of job %s are not kept any more: they have more than %d bytes", self._job.id, MOST_BYTES)
            return
        with self._database.note() as connection:
            if connection.execute(_SPENT, self._mine | {"usage_s": self._spent()}).rowcount == 1:
                connection.execute(insert(chunks), rows)
            else:
                self._closed = True

    def _kept_bytes(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(_KEPT_BYTES, {"job": self._job.number}).scalar_one())

    def _kept(self, item: int, first_row: int) -> Finished | None:
        query = select(chunks.c.data).where(
            chunks.c.job == self._job.number, chunks.c.item == item, chunks.c.first_row == first_row
        )
        with self._database.read() as connection:
            data = connection.execute(query).scalar_one_or_none()
        try:
            return None if data is None else Finished.from_bytes(bytes(data))
        except (ValueError, LookupError, TypeError) as error:
            logger.warning("kept rows of job %s are not readable: %s", self._job.id, error)
            return None

    def _discard(self, *which: ColumnElement[bool]) -> None:
        where = (chunks.c.job == self._job.number, *which)
        with self._database.note() as connection:
            if connection.execute(_OURS, self._mine).one_or_none() is None:
                self._closed = True
                return
            rows = connection.execute(select(func.coalesce(func.sum(chunks.c.rows), 0)).where(*where)).scalar_one()
            self.discarded_rows += int(rows)
            if rows:
                connection.execute(delete(chunks).where(*where))


def forget(connection: Connection, number: int) -> None:
    """Rows of a job that has ended are of no more use."""
    connection.execute(_FORGET, {"number": number})


def dismiss(connection: Connection, at: int, *which: ColumnElement[bool]) -> float:
    """Before waiting jobs are cancelled: those that had run and were put back leave no rows, and pay for what they used.

    Args:
        connection: Of the transaction that cancels them.
        at: When, µs since 1970.
        which: Conditions on the table of jobs.

    Returns:
        Device time that they used, s.
    """
    used_s = 0.0
    begun = select(jobs).where(*which, jobs.c.state == State.QUEUED, jobs.c.usage_s > 0)
    for row in connection.execute(begun).all():
        account.charge(connection, Owner(row.user, row.instance), row.id, row.backend, at, row.usage_s)
        forget(connection, row.number)
        used_s += row.usage_s
    return used_s


def parts(database: Database, job: Job, after: tuple[int, int] = (-1, -1), most: int = 1) -> tuple[Part, ...]:
    """The next finished rows of a job after those of an item and first row."""
    item, row = after
    later = or_(chunks.c.item > item, (chunks.c.item == item) & (chunks.c.first_row > row))
    query = (
        select(chunks.c.item, chunks.c.first_row, chunks.c.at, chunks.c.data)
        .where(chunks.c.job == job.number, later)
        .order_by(chunks.c.item, chunks.c.first_row)
        .limit(most)
    )
    with database.read() as connection:
        return tuple(Part(item, row, at, bytes(data)) for item, row, at, data in connection.execute(query))


def has(database: Database, job: Job, item: int, first_row: int, at: int) -> bool:
    """Whether a part is there still: if not while the job runs, a new run has begun from the start."""
    query = select(chunks.c.at).where(chunks.c.job == job.number, chunks.c.item == item, chunks.c.first_row == first_row)
    with database.read() as connection:
        return connection.execute(query).scalar_one_or_none() == at


def _pieces(pending: list[_Pending]) -> Iterator[tuple[Page, Finished]]:
    for one in pending:
        page = one.page
        row = sum(array.nbytes for array in page.read(one.first, one.first + 1).values())
        step = max(1, PIECE_BYTES // max(1, row))
        for first in range(one.first, one.stop, step):
            stop = min(first + step, one.stop)
            arrays = page.read(first, stop)
            yield page, Finished(page.key, page.shape, first, stop - first, one.start, one.end, arrays)
