"""The account of device time: who used how much in the last 28 days."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, select, update

from qpu_bridge.jobs.job import Owner, from_microseconds
from qpu_bridge.jobs.tables import usage, used_days

WINDOW_DAYS = 28
"""Use is counted over this many days, UTC, today included."""

_DAY = 86_400_000_000

# Made once: to write a query down in Python takes longer than to answer it.
_USE = insert(usage)
_DAY_OF_AN_OWNER = insert(used_days)
_OF_A_DAY = (
    update(used_days)
    .where(*(used_days.c[name] == bindparam(f"of_{name}") for name in ("user", "instance", "day")))
    .values(seconds=used_days.c.seconds + bindparam("more"))
)
_OF_AN_INSTANCE = select(func.coalesce(func.sum(used_days.c.seconds), 0.0)).where(
    used_days.c.instance == bindparam("instance"), used_days.c.day > bindparam("since")
)
_OF_A_USER = _OF_AN_INSTANCE.where(used_days.c.user == bindparam("user"))


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
    whose = {"user": owner.user, "instance": owner.instance}
    connection.execute(_USE, whose | {"job_id": what, "backend": backend, "at": at, "seconds": seconds})
    if not seconds:
        return
    key = whose | {"day": day_of(at)}
    told = {f"of_{name}": value for name, value in key.items()} | {"more": seconds}
    # writers go one after the other, so nobody makes the row in between
    if connection.execute(_OF_A_DAY, told).rowcount == 0:
        connection.execute(_DAY_OF_AN_OWNER, key | {"seconds": seconds})


def used_s(connection: Connection, instance: str, user: str | None, at: int) -> float:
    """Device time of a user in an instance, or of the whole instance, in the window that ends at a moment, s."""
    told = {"instance": instance, "since": day_of(at) - WINDOW_DAYS}
    if user is None:
        return float(connection.execute(_OF_AN_INSTANCE, told).scalar_one())
    return float(connection.execute(_OF_A_USER, told | {"user": user}).scalar_one())
