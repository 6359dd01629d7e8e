"""The audit log: who did what to people, limits, devices and other people's jobs.

An entry is written in the transaction of the act itself, so there is no act without an entry and no entry without an act.
Nothing here changes or removes one.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import from_microseconds, now, to_microseconds
from qpu_bridge.jobs.tables import audit

BRIDGE = "bridge"
"""The actor where no person acts: the bridge itself, or a program that embeds it."""

LONGEST_LIST = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One act.

    Attributes:
        number: Place in the log.
        at: When, UTC.
        actor: A user's name; ``os:NAME`` for an account of the machine, at the command line.
        act: What was done, ``noun.verb``.
        object: To whom or what.
        details: In which way.
    """

    number: int
    at: datetime
    actor: str
    act: str
    object: str
    details: str


class Audit:
    """Reads the log.

    Args:
        database: Where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        act: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Entry, ...]:
        """Acts, newest first.

        Args:
            since: Not older than this.
            until: Not younger than this.
            actor: Only by this one.
            act: Only of this kind.
            before: Only with a smaller number: the next page.
            limit: At most so many, and never more than 1000.
        """
        query = select(audit).order_by(audit.c.entry.desc()).limit(max(0, min(limit, LONGEST_LIST)))
        if since is not None:
            query = query.where(audit.c.at >= to_microseconds(since))
        if until is not None:
            query = query.where(audit.c.at <= to_microseconds(until))
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if act is not None:
            query = query.where(audit.c.act == act)
        if before is not None:
            query = query.where(audit.c.entry < before)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(Entry(row.entry, from_microseconds(row.at), row.actor, row.act, row.object, row.details) for row in rows)


def record(connection: Connection, actor: str, act: str, thing: str, details: str = "") -> None:
    """Write an entry into the transaction of the act.

    Args:
        connection: The transaction, of `Database.write`.
        actor: Who acts: a user's name, `os_user`, or `BRIDGE`.
        act: What is done, ``noun.verb``.
        thing: To whom or what.
        details: In which way.
    """
    row = insert(audit).values(at=to_microseconds(now()), actor=actor, act=act, object=thing[:256], details=details)
    connection.execute(row)


def os_user() -> str:
    """The machine's account that runs this process, as an actor; a colon cannot be in a user's name."""
    identifier = os.getuid()  # not the environment, in which anybody may write any name
    try:
        return f"os:{pwd.getpwuid(identifier).pw_name}"
    except KeyError:
        return f"os:{identifier}"
