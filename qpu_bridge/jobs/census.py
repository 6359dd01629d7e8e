"""A census: how many jobs and sessions there are of each kind, and when each device was heard last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update

from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import to_microseconds
from qpu_bridge.jobs.states import PENDING
from qpu_bridge.jobs.tables import devices, jobs, sessions, usage

UTILISATION = timedelta(hours=1)
"""Over how long the use of a device is averaged."""


@dataclass(frozen=True, slots=True)
class Census:
    """The numbers of one moment.

    Attributes:
        jobs: Device and state -> how many jobs; those that were deleted are not counted.
        sessions: Device, mode and state -> how many sessions.
        heard_s: Device -> how long ago its runner was heard, s; devices without a runner are not there.
        paused: Device -> whether people paused it.
        faulted: Device -> whether its driver cannot work.
        used: Device -> share of the last hour that jobs which ended in it were measuring.
    """

    jobs: dict[tuple[str, str], int]
    sessions: dict[tuple[str, str, str], int]
    heard_s: dict[str, float]
    paused: dict[str, bool]
    faulted: dict[str, bool]
    used: dict[str, float]

    def queue(self, device: str) -> int:
        """Jobs that wait for a device or run on it."""
        return sum(self.jobs.get((device, state), 0) for state in PENDING)


def census(database: Database) -> Census:
    """Count at this moment, in one consistent view."""
    moment = database.clock()
    since = to_microseconds(moment - UTILISATION)
    with database.read() as connection:
        of_jobs = select(jobs.c.backend, jobs.c.state, func.count()).group_by(jobs.c.backend, jobs.c.state)
        kind = (sessions.c.backend, sessions.c.mode, sessions.c.state)
        of_sessions = select(*kind, func.count()).group_by(*kind)
        used = select(usage.c.backend, func.sum(usage.c.seconds)).where(usage.c.at >= since).group_by(usage.c.backend)
        rows = connection.execute(select(devices)).all()
        return Census(
            jobs={(device, state): number for device, state, number in connection.execute(of_jobs)},
            sessions={(device, mode, state): number for device, mode, state, number in connection.execute(of_sessions)},
            heard_s={
                row.name: max(0.0, 1e-6 * (to_microseconds(moment) - row.heartbeat)) for row in rows if row.heartbeat is not None
            },
            paused={row.name: bool(row.paused) for row in rows},
            faulted={row.name: row.fault != "" for row in rows},
            used={device: float(seconds) / UTILISATION.total_seconds() for device, seconds in connection.execute(used)},
        )


def require_writable(database: Database) -> None:
    """Take the place of the one who writes, and change nothing.

    Raises:
        StoreFault: If nobody can write.
    """
    with database.note() as connection:
        connection.execute(update(devices).where(devices.c.name == "").values(paused=False))
