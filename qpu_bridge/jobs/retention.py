"""What ended jobs leave behind expires: by the policy of the rack, in the order of the jobs, and never because a clock jumped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, literal, or_, select

from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.columns import LARGEST
from qpu_bridge.jobs.database import Database, upsert
from qpu_bridge.jobs.states import FINAL
from qpu_bridge.jobs.tables import chunks, jobs, logs, params, results, sessions, upkeep
from qpu_bridge.rounds import rounds
from qpu_bridge.settings import Retention

DAY = 86_400_000_000
"""µs."""

LOOK_S = 600.0
"""How often a bridge looks whether a day has passed, s."""

AT_ONCE = 100
"""Jobs per transaction, so that nobody waits long for their turn."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expired:
    """How many of each have expired.

    Attributes:
        jobs: Whole jobs, with all that they have.
        sessions: Sessions and batches that are closed and have no jobs any more.
        parameters: Parameters of jobs.
        results: Results of jobs.
        logs: Jobs with lines in their log.
    """

    jobs: int = 0
    sessions: int = 0
    parameters: int = 0
    results: int = 0
    logs: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return any(getattr(self, field.name) for field in fields(self))


def expired(database: Database, policy: Retention, at: int | None = None) -> Expired:
    """What a `prune` would delete.

    Args:
        database: Of the store.
        policy: For how long each is kept.
        at: The time, µs since 1970; None for now.
    """
    moment = database.at() if at is None else at
    with database.read() as connection:
        counts = {name: _count(connection, query) for name, (_, query) in _expiring(policy, moment).items()}
    return Expired(**counts)


def prune(database: Database, policy: Retention, at: int | None = None, *, actor: str = BRIDGE) -> Expired:
    """Delete what has expired, a few jobs at a time; device time stays on its account.

    Args:
        database: Of the store.
        policy: For how long each is kept.
        at: The time, µs since 1970; None for now.
        actor: Who wants it, for the audit log.
    """
    moment = database.at() if at is None else at
    done = dict.fromkeys((field.name for field in fields(Expired)), 0)
    for name, (table, query) in _expiring(policy, moment).items():
        key = table.c.job if "job" in table.c else table.c.number
        while True:
            with database.write() as connection:
                numbers = connection.execute(query.limit(AT_ONCE)).scalars().all()
                connection.execute(delete(table).where(key.in_(numbers)))
                if table is results:
                    connection.execute(delete(chunks).where(chunks.c.job.in_(numbers)))
            done[name] += len(numbers)
            if len(numbers) < AT_ONCE:
                break
    deleted = Expired(**done)
    if deleted:
        with database.write() as connection:
            details = ", ".join(f"{name} {number}" for name, number in done.items() if number)
            record(connection, actor, "store.prune", "expired", details)
        database.shrink()
    return deleted


def prune_daily(database: Database, policy: Retention, at: int | None = None) -> Expired | None:
    """Prune if the last look was a day ago; None if it was not.

    A clock that has jumped would let everything expire at once. So the first look after a gap, or after a clock that was set
    back, only begins a new day: what is wrong with the clock can be seen and mended until the next.
    """
    moment = database.at() if at is None else at
    with database.write() as connection:
        last = connection.execute(select(upkeep.c.at).where(upkeep.c.name == "prune")).scalar_one_or_none()
        if last is not None and 0 <= moment - last < DAY:
            return None
        upsert(connection, upkeep, {"name": "prune"}, {"at": moment})
    if last is None or not DAY <= moment - last < 2 * DAY:
        return None
    return prune(database, policy, moment)


@contextmanager
def pruning(database: Database, policy: Retention) -> Iterator[None]:
    """Prune once a day, as long as this lasts; does nothing if the policy keeps everything."""
    if policy == Retention():
        yield
        return

    def look() -> None:
        deleted = prune_daily(database, policy)
        if deleted:
            logger.info("expired and deleted: %s", deleted)

    with rounds("pruning", look, LOOK_S, at_once=True):
        yield


def _expiring(policy: Retention, at: int) -> dict[str, tuple[Table, Select[tuple[int]]]]:
    """Name -> the table, and the numbers of the jobs (or sessions) whose rows have expired; in the order in which they go."""
    found = {}
    texts = (
        ("parameters", params, policy.parameters_days),
        ("results", results, policy.results_days),
        ("logs", logs, policy.logs_days),
    )
    for name, table, days in texts:
        if days is not None:
            query = select(jobs.c.number).where(*_ended(days, at)).order_by(jobs.c.number)
            found[name] = (table, query.where(select(literal(1)).where(table.c.job == jobs.c.number).exists()))
    if policy.jobs_days is not None:
        gone = select(jobs.c.number).where(*_ended(policy.jobs_days, at))
        kept = select(literal(1)).where(jobs.c.session_id == sessions.c.id, jobs.c.number.not_in(gone)).exists()
        closed = sessions.c.closed < at - _microseconds(policy.jobs_days)
        found["jobs"] = (jobs, gone.order_by(jobs.c.number))
        found["sessions"] = (sessions, select(sessions.c.number).where(closed, ~kept).order_by(sessions.c.number))
    return found


def _ended(days: float, at: int) -> tuple[ColumnElement[bool], ...]:
    """Jobs that ended so long ago.

    The number says what came first, whatever a clock said: no job expires before one that was accepted earlier and is too young.
    One that ended in what is the future, by a clock that has been set right since, goes by its number alone.
    """
    cutoff = at - _microseconds(days)
    young = select(func.min(jobs.c.number)).where(jobs.c.created >= cutoff, jobs.c.created <= at).scalar_subquery()
    return (
        jobs.c.state.in_(sorted(FINAL)),
        or_(jobs.c.finished < cutoff, jobs.c.finished > at),
        jobs.c.number < func.coalesce(young, LARGEST),
    )


def _microseconds(days: float) -> int:
    return round(days * DAY)


def _count(connection: Connection, query: Select[tuple[int]]) -> int:
    return int(connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one())
