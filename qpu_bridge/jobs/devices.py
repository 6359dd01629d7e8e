"""How each device is: paused by people, under maintenance, without a runner, faulted, found unfit by calibration, or ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Float, bindparam, func, select, update

from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database, upsert
from qpu_bridge.jobs.estimates import pace
from qpu_bridge.jobs.job import from_microseconds
from qpu_bridge.jobs.maintenance import coming_windows
from qpu_bridge.jobs.states import PENDING
from qpu_bridge.jobs.tables import devices, jobs

STALE_S = 5.0
"""A runner that has not been heard for this long is taken for dead, s. It beats every second."""


UNFIT = "found unfit by calibration"
"""Begins the reason of a device that no person has paused."""

# Made once: to write a query down in Python takes longer than to answer it.
_ALL = select(devices)
_LINES = select(jobs.c.backend, func.count()).where(jobs.c.state.in_(sorted(PENDING))).group_by(jobs.c.backend)
_LINE = select(
    func.count(), func.sum(func.coalesce(jobs.c.estimate_s, bindparam("job_s", type_=Float))), func.max(jobs.c.running)
).where(jobs.c.backend == bindparam("device"), jobs.c.state.in_(sorted(PENDING)))


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
    """What people and runners say of the devices.

    Args:
        database: Where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def condition(self, name: str) -> Condition:
        """How one device is; a device that nobody has spoken of has no runner."""
        return self.conditions((name,))[name]

    def conditions(self, names: tuple[str, ...]) -> dict[str, Condition]:
        """How these devices are."""
        at = self._database.at()
        with self._database.read() as connection:
            windows = [one for one in coming_windows(connection, None, at) if one.starts <= from_microseconds(at)]
            # of several at the same time, the one that ends last
            begun = {window.device: window for window in sorted(windows, key=lambda one: one.stops)}
            rows = {row.name: row for row in connection.execute(_ALL)}
            queues = {row[0]: row[1] for row in connection.execute(_LINES)}
        oldest = at - int(STALE_S * 1e6)
        found = {}
        for name in names:
            row = rows.get(name)
            queue = queues.get(name, 0)
            if row is not None and row.paused:
                found[name] = Condition(Word.PAUSED, row.reason, queue)
            elif name in begun:
                found[name] = Condition(Word.PAUSED, begun[name].words, queue)
            elif row is None or row.heartbeat is None or row.heartbeat < oldest:
                found[name] = Condition(Word.OFFLINE, "its runner is not there", queue)
            elif row.fault:
                found[name] = Condition(Word.OFFLINE, row.fault, queue)
            elif row.unfit:
                found[name] = Condition(Word.PAUSED, f"{UNFIT}: {row.unfit}", queue)
            else:
                found[name] = Condition(Word.ONLINE, "", queue)
        return found

    def wait_s(self, name: str) -> float:
        """How long the jobs that wait or run will keep a device, as far as known, s: a new job of the least user waits less."""
        at = self._database.at()
        with self._database.read() as connection:
            job_s, overhead_s = pace(connection, name)
            count, total_s, since = connection.execute(_LINE, {"device": name, "job_s": job_s}).one()
        run_s = 0.0 if since is None else (at - since) / 1e6
        return max(0.0, float(total_s or 0.0) + float(count) * overhead_s - run_s)

    def pause(self, name: str, reason: str, *, actor: str = BRIDGE) -> None:
        """Start no more jobs; users see the reason."""
        self._set(name, "pause", reason, actor, paused=True, reason=reason)

    def resume(self, name: str, *, actor: str = BRIDGE) -> None:
        """Start jobs again, also on a device that calibration found unfit, until it does so again."""
        self._set(name, "resume", "", actor, paused=False, reason="", unfit="")

    def unfit(self, name: str, reason: str) -> None:
        """Calibration finds that users would not have a device that works; an empty reason: it would again.

        Meanwhile nothing but calibrations starts.
        """
        with self._database.write() as connection:
            before = connection.execute(select(devices.c.unfit).where(devices.c.name == name)).scalar_one_or_none()
            if reason == (before or ""):
                return
            upsert(connection, devices, {"name": name}, {"unfit": reason})
            record(connection, BRIDGE, "device.unfit" if reason else "device.fit", name, reason)

    def fault(self, name: str, reason: str) -> None:
        """The device cannot run now and says why; an empty reason: it can again."""
        with self._database.write() as connection:
            upsert(connection, devices, {"name": name}, {"fault": reason})

    def beat(self, name: str, runner: str) -> None:
        """The runner of a device is alive."""
        with self._database.note() as connection:
            upsert(connection, devices, {"name": name}, {"runner": runner, "heartbeat": self._database.at()})

    def leave(self, name: str, runner: str) -> None:
        """The runner of a device goes in good order; a successor that is there already stays."""
        mine = update(devices).where(devices.c.name == name, devices.c.runner == runner)
        with self._database.write() as connection:
            connection.execute(mine.values(runner=None, heartbeat=None))

    def _set(self, name: str, act: str, details: str, actor: str, **values: object) -> None:
        with self._database.write() as connection:
            upsert(connection, devices, {"name": name}, values)
            record(connection, actor, f"device.{act}", name, details)
