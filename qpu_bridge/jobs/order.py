"""The order of the line in front of a device: the only place that knows it.

1. A dedicated session that has the device: its jobs only, the highest priority first, then the first come.
2. Otherwise the highest priority.
3. Among equals, the batch whose turn it is, while its turn lasts.
4. Then the owner who used the devices least in the last 28 days; of two who used them as much, whose job came first.
5. Among the jobs of one owner: the first come.

Nothing starts on a device that is paused, faulted or under maintenance, nor a job that would not end before maintenance begins,
nor a job of an owner whose quota of device time is used up. On a device that calibration finds unfit, calibrations only.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, bindparam, func, select

from qpu_bridge.jobs import account
from qpu_bridge.jobs.estimates import UNKNOWN_S, pace
from qpu_bridge.jobs.job import Owner, to_microseconds
from qpu_bridge.jobs.maintenance import Window, coming_windows
from qpu_bridge.jobs.opening import Mode
from qpu_bridge.jobs.quotas import own_seconds
from qpu_bridge.jobs.session_life import HOLDING, SECOND, SessionState
from qpu_bridge.jobs.states import Move, State, sources
from qpu_bridge.jobs.tables import devices, jobs, sessions, used_days
from qpu_bridge.settings import Limits

CALIBRATE = "calibrate"
"""The program that makes a device fit again."""

# Made once: to write a query down in Python takes longer than to find the answer.
_HOLDERS = (
    select(sessions.c.id, sessions.c.mode, sessions.c.state, sessions.c.turn)
    .where(sessions.c.backend == bindparam("device"), sessions.c.state.in_(sorted(HOLDING)))
    .order_by(sessions.c.number)
)
_STANDING = select(devices.c.paused, devices.c.fault, devices.c.unfit).where(devices.c.name == bindparam("device"))
_RUNNING = select(jobs.c.user, jobs.c.instance, jobs.c.running).where(
    jobs.c.backend.in_(select(devices.c.name)), jobs.c.state == State.RUNNING
)


class Head(NamedTuple):
    """The first job of an owner, or of the batch whose turn it is.

    Attributes:
        number: Which job.
        priority: Its priority.
        owner: Whose it is.
        used_s: Device time that the owner has used in the window, s.
    """

    number: int
    priority: int
    owner: Owner
    used_s: float


class Holder(NamedTuple):
    """A session or batch that comes before others on a device."""

    id: str
    mode: Mode
    state: SessionState


class Standing(NamedTuple):
    """What keeps jobs off a device, whatever the time.

    Attributes:
        held: People or the device itself say that nothing may start.
        unfit: Calibration keeps users away.
    """

    held: bool
    unfit: bool


def next_in_line(connection: Connection, device: str, at: int, limits: Limits) -> int | None:
    """Number of the job that starts next on a device, if one may start now.

    Args:
        connection: To the store; sessions must have been reviewed.
        device: Which device.
        at: Now, µs since 1970.
        limits: The rack's.
    """
    windows = coming_windows(connection, device, at)
    stands = standing(connection, device)
    if stands.held or _under_maintenance(windows, at):
        return None
    told: dict[str, Any] = {"device": device, "since": account.day_of(at) - account.WINDOW_DAYS}
    if windows:
        # a job must have ended before maintenance begins
        told["longest_s"] = (to_microseconds(windows[0].starts) - at) / SECOND - pace(connection, device).overhead_s
    kind = (bool(windows), stands.unfit)
    holder = first_holder(connection, device, at, limits.batch_turn_seconds)
    mine = [] if holder is None else _heads(connection, _first_of_session(*kind), told | {"session": holder.id})
    if holder is not None and holder.mode is Mode.DEDICATED:
        heads = mine if holder.state is SessionState.ACTIVE else []
    else:
        heads = _heads(connection, _first_of_each_owner(*kind), told)
    heads = _with_quota(connection, _with_running(connection, heads, at), limits, at)
    if not heads:
        return None
    best = min(heads, key=_fair)
    if mine and mine[0].priority >= best.priority and mine[0].owner in {head.owner for head in heads}:
        return mine[0].number
    return best.number


def first_holder(connection: Connection, device: str, at: int, turn_s: int) -> Holder | None:
    """The dedicated session that has the device; else the batch whose turn it is."""
    turn = None
    for row in connection.execute(_HOLDERS, {"device": device}):
        holder = Holder(row.id, Mode(row.mode), SessionState(row.state))
        if holder.mode is Mode.DEDICATED:
            return holder
        if row.turn is not None and at - row.turn < turn_s * SECOND:
            turn = holder
    return turn


def owners_use(connection: Connection, owners: set[Owner], limits: Limits, at: int) -> dict[Owner, float]:
    """Device time that owners have used in the window, s; those whose quota is used up are left out."""
    heads = [Head(0, 0, owner, account.used_s(connection, owner.instance, owner.user, at)) for owner in owners]
    return {head.owner: head.used_s for head in _with_quota(connection, _with_running(connection, heads, at), limits, at)}


def _fair(head: Head) -> tuple[int, float, int]:
    return (-head.priority, head.used_s, head.number)


def standing(connection: Connection, device: str) -> Standing:
    """What is said of a device; of one that nobody spoke of, nothing."""
    row = connection.execute(_STANDING, {"device": device}).one_or_none()
    return Standing(False, False) if row is None else Standing(bool(row.paused or row.fault), bool(row.unfit))


def _under_maintenance(windows: tuple[Window, ...], at: int) -> bool:
    return any(to_microseconds(window.starts) <= at for window in windows)


def is_free(connection: Connection, device: str, at: int) -> bool:
    """Whether nobody has a device for themselves: no people, no maintenance, no session, and no fault."""
    if standing(connection, device).held or _under_maintenance(coming_windows(connection, device, at), at):
        return False
    holder = first_holder(connection, device, at, 0)
    return holder is None or holder.mode is not Mode.DEDICATED


def _waits(timed: bool, unfit: bool) -> list[ColumnElement[bool]]:
    conditions = [jobs.c.backend == bindparam("device"), jobs.c.state.in_(sources(Move.START))]
    if unfit:
        conditions.append(jobs.c.program_id == CALIBRATE)
    if timed:
        conditions.append(func.coalesce(jobs.c.estimate_s, jobs.c.cost, UNKNOWN_S) <= bindparam("longest_s"))
    return conditions


# Made once: to write these down in Python takes longer than to find the answer.
@cache
def _first_of_each_owner(timed: bool, unfit: bool) -> Select[Any]:
    """The first job of each owner: from one owner to the next along one index, however many jobs each has.

    Written so that a database which knows nothing of its tables yet finds no other way: of a line that grew in the last minute,
    PostgreSQL has no statistics.
    """

    def first(*after: ColumnElement[bool]) -> ScalarSelect[int]:
        query = select(jobs.c.number).where(*_waits(timed, unfit), *after)
        return query.order_by(jobs.c.user, jobs.c.instance, jobs.c.priority.desc(), jobs.c.number).limit(1).scalar_subquery()

    heads = select(first().label("number")).cte("heads", recursive=True)
    head = jobs.alias("head")
    same_user = first(jobs.c.user == head.c.user, jobs.c.instance > head.c.instance)
    following = func.coalesce(same_user, first(jobs.c.user > head.c.user))
    heads = heads.union_all(select(following).select_from(heads).join(head, head.c.number == heads.c.number))
    query = select(head.c.number, head.c.priority, head.c.user, head.c.instance, _use(head.c.user, head.c.instance))
    return query.select_from(heads).join(head, head.c.number == heads.c.number)


@cache
def _first_of_session(timed: bool, unfit: bool) -> Select[Any]:
    """The first job of a session."""
    return (
        select(jobs.c.number, jobs.c.priority, jobs.c.user, jobs.c.instance, _use(jobs.c.user, jobs.c.instance))
        .where(jobs.c.session_id == bindparam("session"), *_waits(timed, unfit))
        .order_by(jobs.c.priority.desc(), jobs.c.number)
        .limit(1)
    )


def _use(user: ColumnElement[str], instance: ColumnElement[str]) -> ColumnElement[float]:
    total = select(func.coalesce(func.sum(used_days.c.seconds), 0.0)).where(
        used_days.c.user == user, used_days.c.instance == instance, used_days.c.day > bindparam("since")
    )
    return total.scalar_subquery()


def _heads(connection: Connection, query: Select[Any], told: dict[str, Any]) -> list[Head]:
    return [
        Head(number, priority, Owner(user, instance), float(used_s))
        for number, priority, user, instance, used_s in connection.execute(query, told)
    ]


def _with_running(connection: Connection, heads: list[Head], at: int) -> list[Head]:
    """With the use that grows at this moment: of jobs that run on other devices, as long as they have run."""
    growing: dict[Owner, float] = {}
    for user, instance, since in connection.execute(_RUNNING):
        owner = Owner(user, instance)
        growing[owner] = growing.get(owner, 0.0) + max(0, at - since) / SECOND
    return [head._replace(used_s=head.used_s + growing.get(head.owner, 0.0)) for head in heads]


def _with_quota(connection: Connection, heads: list[Head], limits: Limits, at: int) -> list[Head]:
    """Without those whose owner's or instance's quota is used up."""
    own = own_seconds(connection)

    def left(instance: str, user: str, used_s: float) -> bool:
        limit_s = own.get((instance, user), limits.seconds if user else limits.instance_seconds)
        return limit_s is None or used_s < limit_s

    limited = {instance for instance, user in own if not user}
    if limits.instance_seconds is not None:
        limited |= {head.owner.instance for head in heads}
    spent = {name for name in limited if not left(name, "", account.used_s(connection, name, None, at))}
    return [
        head for head in heads if head.owner.instance not in spent and left(head.owner.instance, head.owner.user, head.used_s)
    ]
