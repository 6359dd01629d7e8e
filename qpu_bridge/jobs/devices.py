"""How each device is: paused by people, faulted by itself, without a runner, or ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import now, to_microseconds
from qpu_bridge.jobs.states import PENDING
from qpu_bridge.jobs.tables import devices, jobs

STALE_S = 5.0
"""A runner that has not been heard for this long is taken for dead, s. It beats every second."""


class Word(StrEnum):
    """The device's state in one word, as the client reads it."""

    ONLINE = "online"
    PAUSED = "paused"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Condition:
    """How a device is.

    Attributes:
        word: Online, paused or offline.
        reason: Why, if it is not online.
        queue: Jobs that wait or run.
    """

    word: Word
    reason: str
    queue: int


class Devices:
    """What people and runners say of the devices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def condition(self, name: str) -> Condition:
        """How one device is; a device that nobody has spoken of has no runner."""
        return self.conditions((name,))[name]

    def conditions(self, names: tuple[str, ...]) -> dict[str, Condition]:
        """How these devices are."""
        with self._database.read() as connection:
            rows = {row.name: row for row in connection.execute(select(devices))}
            waiting = select(jobs.c.backend, func.count()).where(jobs.c.state.in_(sorted(PENDING))).group_by(jobs.c.backend)
            queues = {row[0]: row[1] for row in connection.execute(waiting)}
        oldest = to_microseconds(now()) - int(STALE_S * 1e6)
        found = {}
        for name in names:
            row = rows.get(name)
            queue = queues.get(name, 0)
            if row is not None and row.paused:
                found[name] = Condition(Word.PAUSED, row.reason, queue)
            elif row is None or row.heartbeat is None or row.heartbeat < oldest:
                found[name] = Condition(Word.OFFLINE, "its runner is not there", queue)
            elif row.fault:
                found[name] = Condition(Word.OFFLINE, row.fault, queue)
            else:
                found[name] = Condition(Word.ONLINE, "", queue)
        return found

    def pause(self, name: str, reason: str) -> None:
        """Start no more jobs; users see the reason."""
        self._set(name, paused=True, reason=reason)

    def resume(self, name: str) -> None:
        """Start jobs again."""
        self._set(name, paused=False, reason="")

    def fault(self, name: str, reason: str) -> None:
        """The device cannot run now and says why; an empty reason: it can again."""
        self._set(name, fault=reason)

    def beat(self, name: str, runner: str) -> None:
        """The runner of a device is alive."""
        self._set(name, durable=False, runner=runner, heartbeat=to_microseconds(now()))

    def leave(self, name: str) -> None:
        """The runner of a device goes in good order."""
        self._set(name, runner=None, heartbeat=None)

    def _set(self, name: str, *, durable: bool = True, **values: object) -> None:
        query = insert(devices).values(name=name, **values).on_conflict_do_update(index_elements=["name"], set_=values)
        with self._database.write() if durable else self._database.note() as connection:
            connection.execute(query)
