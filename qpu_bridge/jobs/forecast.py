"""When the jobs that wait will start, if all goes as expected: the order of the line, played through in advance."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from sqlalchemy import Connection, select

from qpu_bridge.jobs.estimates import Pace, pace
from qpu_bridge.jobs.job import Job, Owner, from_microseconds, to_microseconds
from qpu_bridge.jobs.maintenance import Window, coming_windows
from qpu_bridge.jobs.opening import Mode
from qpu_bridge.jobs.order import Holder, first_holder, owners_use, standing
from qpu_bridge.jobs.session_life import SECOND
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs, sessions
from qpu_bridge.settings import Limits


@dataclass(frozen=True, slots=True)
class Expected:
    """What a job that waits may expect.

    Attributes:
        position: How many start before it, plus one; None if it cannot start as things are.
        starts: When it will start, as far as known; None while its device is paused, faulted or unfit.
        ends: When it will have ended.
    """

    position: int | None
    starts: datetime | None
    ends: datetime | None


class Waiting(NamedTuple):
    """A job that waits."""

    number: int
    priority: int
    owner: Owner
    session_id: str | None
    seconds: float


def expected(connection: Connection, job: Job, at: int, limits: Limits) -> Expected:
    """What a job that waits may expect, if nobody submits anything more and every job takes as long as it was estimated.

    Args:
        connection: To the store.
        job: Which job.
        at: Now, µs since 1970.
        limits: The rack's.
    """
    device = job.backend
    speed = pace(connection, device)
    waiting = _waiting(connection, device, speed)
    use = owners_use(connection, {one.owner for one in waiting}, limits, at)
    modes = dict(
        connection.execute(
            select(sessions.c.id, sessions.c.mode).where(sessions.c.backend == device, sessions.c.closed.is_(None))
        ).all()
    )
    holder = first_holder(connection, device, at, limits.batch_turn_seconds)
    line = _order([one for one in waiting if one.owner in use], use, modes, holder, limits.batch_turn_seconds)
    windows = coming_windows(connection, device, at)
    known = not any(standing(connection, device))
    time_s = at / SECOND + _left_s(connection, device, speed, at)
    for position, one in enumerate(line, 1):
        time_s = _after(windows, time_s, one.seconds)
        if one.number == job.number:
            starts, ends = (from_microseconds(round(moment * SECOND)) for moment in (time_s, time_s + one.seconds))
            return Expected(position, starts if known else None, ends if known else None)
        time_s += one.seconds
    return Expected(None, None, None)


def _order(
    waiting: list[Waiting], use: dict[Owner, float], modes: dict[str, str], holder: Holder | None, turn_s: int
) -> Iterator[Waiting]:
    """The line as `order.next_in_line` would make it, with the use of each owner growing as their jobs run."""
    used = dict(use)
    lines = {owner: deque(sorted((one for one in waiting if one.owner == owner), key=_first)) for owner in used}
    grouped: dict[str, deque[Waiting]] = {}
    for one in sorted(waiting, key=_first):
        if one.session_id is not None:
            grouped.setdefault(one.session_id, deque()).append(one)
    gone: set[int] = set()
    heap = [(-line[0].priority, used[owner], line[0].number, owner.user, owner.instance) for owner, line in lines.items() if line]
    heapify(heap)
    turn = None if holder is None else holder.id
    left_s = float(turn_s)

    def run(one: Waiting) -> Waiting:
        gone.add(one.number)
        used[one.owner] += one.seconds
        return one

    while heap:
        mine = grouped.get(turn, deque()) if turn is not None else deque()
        while mine and mine[0].number in gone:
            mine.popleft()
        dedicated = turn is not None and modes.get(turn) == Mode.DEDICATED
        if mine and (dedicated or (left_s > 0 and mine[0].priority >= -heap[0][0])):
            left_s -= mine[0].seconds
            yield run(mine.popleft())
            continue
        turn = None
        *_, user, instance = heappop(heap)
        owner = Owner(user, instance)
        line = lines[owner]
        stale = line[0].number in gone
        while line and line[0].number in gone:
            line.popleft()
        if not line:
            continue
        fresh = (-line[0].priority, used[owner], line[0].number, user, instance)
        if stale or (heap and fresh > heap[0]):
            heappush(heap, fresh)
            continue
        first = line.popleft()
        turn, left_s = first.session_id, float(turn_s) - first.seconds
        yield run(first)
        if line:
            heappush(heap, (-line[0].priority, used[owner], line[0].number, user, instance))


def _first(one: Waiting) -> tuple[int, int]:
    return (-one.priority, one.number)


def _waiting(connection: Connection, device: str, speed: Pace) -> list[Waiting]:
    columns = (jobs.c.number, jobs.c.priority, jobs.c.user, jobs.c.instance, jobs.c.session_id, jobs.c.estimate_s)
    query = select(*columns).where(jobs.c.backend == device, jobs.c.state == State.QUEUED)
    return [
        Waiting(number, priority, Owner(user, instance), session_id, (speed.job_s if known is None else known) + speed.overhead_s)
        for number, priority, user, instance, session_id, known in connection.execute(query)
    ]


def _left_s(connection: Connection, device: str, speed: Pace, at: int) -> float:
    """How long what runs will still run, s."""
    query = select(jobs.c.estimate_s, jobs.c.running).where(jobs.c.backend == device, jobs.c.state == State.RUNNING)
    row = connection.execute(query).first()
    if row is None:
        return 0.0
    whole = (speed.job_s if row.estimate_s is None else float(row.estimate_s)) + speed.overhead_s
    return max(0.0, whole - float(at - row.running) / SECOND)


def _after(windows: tuple[Window, ...], time_s: float, seconds: float) -> float:
    """When a job can start that would start at a time, s since 1970: not into maintenance, and not so that it would reach it."""
    for window in windows:
        starts, stops = (to_microseconds(moment) / SECOND for moment in (window.starts, window.stops))
        if starts < time_s + seconds and time_s < stops:
            time_s = stops
    return time_s
