"""The account of device time: who used how much in the last 28 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from qpu_bridge.jobs.job import Owner, from_microseconds
from qpu_bridge.jobs.tables import usage, used_days

WINDOW_DAYS = 28
"""Use is counted over this many days, UTC, today included."""

_DAY = 86_400_000_000


def day_of(at: int) -> int:
    """The day of a moment (µs since 1970), counted from 1970."""
    return at // _DAY


def window_start(at: int) -> datetime:
    """When the window that ends at a moment began: a midnight, UTC."""
    return from_microseconds(day_of(at) * _DAY) - timedelta(days=WINDOW_DAYS - 1)


def charge(connection: Connection, owner: Owner, what: str, backend: str, at: int, seconds: float) -> None:
    """Put device time on an owner's account.

    Args:
        connection: Of `Database.write` or `Database.note`.
        owner: Whose account.
        what: Id of the job, or of the session that had the device without using it.
        backend: Which device.
        at: When it ended, µs since 1970.
        seconds: How much, s.
    """
    entry = insert(usage).values(job_id=what, user=owner.user, instance=owner.instance, backend=backend, at=at, seconds=seconds)
    connection.execute(entry)
    if not seconds:
        return
    key = {"user": owner.user, "instance": owner.instance, "day": day_of(at)}
    place = [used_days.c[name] == value for name, value in key.items()]
    # writers go one after the other, so nobody makes the row in between
    if connection.execute(update(used_days).where(*place).values(seconds=used_days.c.seconds + seconds)).rowcount == 0:
        connection.execute(insert(used_days).values(**key, seconds=seconds))


def used_s(connection: Connection, instance: str, user: str | None, at: int) -> float:
    """Device time of a user in an instance, or of the whole instance, in the window that ends at a moment, s."""
    query = select(func.coalesce(func.sum(used_days.c.seconds), 0.0)).where(
        used_days.c.instance == instance, used_days.c.day > day_of(at) - WINDOW_DAYS
    )
    if user is not None:
        query = query.where(used_days.c.user == user)
    return float(connection.execute(query).scalar_one())
