"""Quotas: how much of the queue and of the devices' time a user and an instance may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from qpu_bridge.errors import BadRequest, QuotaReached
from qpu_bridge.jobs import account
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database, upsert
from qpu_bridge.jobs.job import Owner
from qpu_bridge.jobs.states import PENDING
from qpu_bridge.jobs.tables import jobs, quotas
from qpu_bridge.settings import Limits

# Made once: to write a query down in Python takes longer than to answer it.
_OWN_SECONDS = select(quotas.c.instance, quotas.c.user, quotas.c.seconds).where(quotas.c.seconds.is_not(None))
_OWN = select(quotas.c.user, quotas.c.pending_jobs, quotas.c.seconds).where(
    quotas.c.instance == bindparam("instance"), quotas.c.user.in_([bindparam("user"), ""])
)
_PENDING = (
    select(func.count()).select_from(jobs).where(jobs.c.instance == bindparam("instance"), jobs.c.state.in_(sorted(PENDING)))
)
_PENDING_OF_A_USER = _PENDING.where(jobs.c.user == bindparam("user"))


@dataclass(frozen=True, slots=True)
class Quota:
    """What a user, or a whole instance, may have; None: no limit.

    Attributes:
        pending_jobs: Jobs that wait or run at the same time.
        seconds: Device time in 28 days, s.
    """

    pending_jobs: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Balance:
    """An account.

    Attributes:
        used_s: Device time used in the window, s.
        limit_s: Device time allowed in the window, s.
    """

    used_s: float
    limit_s: float | None

    @property
    def left_s(self) -> float:
        """Device time that is left, s."""
        return float("inf") if self.limit_s is None else self.limit_s - self.used_s


class Quotas:
    """What users and instances may have, for administrators and for those who want to know.

    Args:
        database: Where exceptions from the rack's limits are kept.
        limits: The rack's.
    """

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def quota(self, instance: str, user: str | None = None) -> Quota:
        """What a user, or (without one) the whole instance, may have."""
        with self._database.read() as connection:
            return _quota(connection, self._limits, instance, user or "")

    def set(
        self,
        instance: str,
        user: str | None = None,
        *,
        pending_jobs: int | None = None,
        seconds: float | None = None,
        actor: str = BRIDGE,
    ) -> Quota:
        """Give a user, or (without one) a whole instance, a quota of their own; None: what the rack says.

        Raises:
            BadRequest: If a number is negative.
        """
        for field, value in (("pending_jobs", pending_jobs), ("seconds", seconds)):
            if value is not None and not 0 <= value < 2**31:
                raise BadRequest("a quota must be a number, 0 or more", given=value, where=field)
        key = {"user": user or "", "instance": instance}
        with self._database.write() as connection:
            upsert(connection, quotas, key, {"pending_jobs": pending_jobs, "seconds": seconds})
            details = f"pending_jobs={pending_jobs} seconds={seconds}"
            record(connection, actor, "quota.set", f"{user}@{instance}" if user else instance, details)
            return _quota(connection, self._limits, instance, user or "")

    def balances(self, owner: Owner) -> tuple[Balance, Balance]:
        """The user's account, and their instance's."""
        at = self._database.at()
        with self._database.read() as connection:
            return _balances(connection, self._limits, owner, at)


def require(connection: Connection, limits: Limits, owner: Owner, at: int) -> None:
    """Check that an owner may submit one more job.

    Raises:
        QuotaReached: If a quota of the user or of the instance does not allow it.
    """
    both = _both(connection, limits, owner)
    for quota, user, whose in zip(both, (owner.user, ""), ("a user", "an instance"), strict=True):
        allowed = quota.pending_jobs
        if allowed is not None and _pending(connection, owner.instance, user) >= allowed:
            raise QuotaReached(
                f"{whose} must have at most {allowed} jobs that wait or run",
                given=f"{allowed} and one more",
                where=user or owner.instance,
                remedy="Wait until a job has ended, cancel one, or ask for a larger quota.",
            )
    for quota, account_of, whose in zip(both, (owner.user, None), ("a user", "an instance"), strict=True):
        if quota.seconds is None:
            continue
        balance = Balance(account.used_s(connection, owner.instance, account_of, at), quota.seconds)
        if balance.left_s <= 0:
            raise QuotaReached(
                f"{whose} must have used less than {balance.limit_s:g} s of device time in {account.WINDOW_DAYS} days",
                given=f"{balance.used_s:.3f} s",
                where=account_of or owner.instance,
                remedy="Wait until older jobs leave the window, or ask for a larger quota.",
            )


def own_seconds(connection: Connection) -> dict[tuple[str, str], float]:
    """Quotas of device time that differ from the rack's: (instance, user or nothing) -> s."""
    return {(instance, user): seconds for instance, user, seconds in connection.execute(_OWN_SECONDS)}


def _balances(connection: Connection, limits: Limits, owner: Owner, at: int) -> tuple[Balance, Balance]:
    mine, everybodys = _both(connection, limits, owner)
    return (
        Balance(account.used_s(connection, owner.instance, owner.user, at), mine.seconds),
        Balance(account.used_s(connection, owner.instance, None, at), everybodys.seconds),
    )


def _both(connection: Connection, limits: Limits, owner: Owner) -> tuple[Quota, Quota]:
    """What a user and their instance may have."""
    found = connection.execute(_OWN, {"instance": owner.instance, "user": owner.user})
    own = {user: (pending, seconds) for user, pending, seconds in found}
    return _filled(limits, owner.user, own), _filled(limits, "", own)


def _quota(connection: Connection, limits: Limits, instance: str, user: str) -> Quota:
    found = connection.execute(_OWN, {"instance": instance, "user": user})
    return _filled(limits, user, {name: (pending, seconds) for name, pending, seconds in found})


def _filled(limits: Limits, user: str, own: Mapping[str, tuple[int | None, float | None]]) -> Quota:
    pending, seconds = own.get(user, (None, None))
    if pending is None:
        pending = limits.pending_jobs if user else limits.instance_pending_jobs
    if seconds is None:
        seconds = limits.seconds if user else limits.instance_seconds
    return Quota(pending, seconds)


def _pending(connection: Connection, instance: str, user: str) -> int:
    query = _PENDING_OF_A_USER if user else _PENDING
    return int(connection.execute(query, {"instance": instance, "user": user} if user else {"instance": instance}).scalar_one())
