"""What stands before a device, for who keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, select

from qpu_bridge.jobs.job import Job
from qpu_bridge.jobs.order import next_in_line
from qpu_bridge.jobs.rows import to_jobs
from qpu_bridge.jobs.states import PENDING, State
from qpu_bridge.jobs.store import Store
from qpu_bridge.jobs.tables import jobs

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Line:
    """What stands before a device.

    Attributes:
        jobs: The first 200: the running one, then by priority and age. Between owners fair share decides, when a job may start.
        first: Id of the job that would start now; None if none may.
    """

    jobs: tuple[Job, ...]
    first: str | None


def line_of(store: Store, device: str) -> Line:
    """The jobs that run or wait on a device."""
    running = case((jobs.c.state == State.RUNNING, 0), else_=1)
    query = select(jobs).where(jobs.c.backend == device, jobs.c.state.in_(sorted(PENDING)))
    with store.database.read() as connection:
        rows = connection.execute(query.order_by(running, jobs.c.priority.desc(), jobs.c.number).limit(LONGEST)).all()
        found = to_jobs(connection, rows)
        number = next_in_line(connection, device, store.database.at(), store.limits)
        first = None if number is None else connection.execute(select(jobs.c.id).where(jobs.c.number == number)).scalar_one()
    busy = any(job.state is State.RUNNING for job in found)
    return Line(found, None if busy else first)
