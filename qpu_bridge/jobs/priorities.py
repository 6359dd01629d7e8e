"""Priorities: what administrators put before the fair order."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from qpu_bridge.errors import BadRequest, NotFound, WrongState
from qpu_bridge.jobs.audit import BRIDGE, record
from qpu_bridge.jobs.database import Database, upsert
from qpu_bridge.jobs.job import Job, Owner
from qpu_bridge.jobs.rows import by_id
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs, quotas

HIGHEST = 1000
"""Priorities lie between minus this and this; everybody's is 0 unless an administrator says otherwise."""


_OF_NEW_JOBS = select(quotas.c.priority).where(quotas.c.user == bindparam("user"), quotas.c.instance == bindparam("instance"))


class Priorities:
    """Of jobs and of people.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_job(self, job_id: str, priority: int, *, actor: str = BRIDGE) -> Job:
        """Put a queued job before or behind others.

        Raises:
            BadRequest: If there is no such priority.
            NotFound: If there is no such job.
            WrongState: If it does not wait.
        """
        _require(priority)
        with self._database.write() as connection:
            job = by_id(connection, job_id, None)
            if job is None:
                raise NotFound("the job must exist", given=job_id[:64])
            if job.state is not State.QUEUED:
                raise WrongState("a job must wait to be put before others", given=str(job.state))
            connection.execute(update(jobs).where(jobs.c.number == job.number).values(priority=priority))
            record(connection, actor, "job.priority", job_id, str(priority))
            changed = by_id(connection, job_id, None)
            assert changed is not None
            return changed

    def set_owner(self, owner: Owner, priority: int, *, actor: str = BRIDGE) -> int:
        """Put all jobs of an owner, those that wait and those to come, before or behind others.

        Returns:
            How many jobs wait.

        Raises:
            BadRequest: If there is no such priority.
        """
        _require(priority)
        with self._database.write() as connection:
            upsert(connection, quotas, {"user": owner.user, "instance": owner.instance}, {"priority": priority})
            waiting = (jobs.c.user == owner.user, jobs.c.instance == owner.instance, jobs.c.state == State.QUEUED)
            moved = connection.execute(update(jobs).where(*waiting).values(priority=priority)).rowcount
            record(connection, actor, "owner.priority", f"{owner.user}@{owner.instance}", str(priority))
            return moved

    def owner(self, owner: Owner) -> int:
        """The priority that new jobs of an owner have."""
        with self._database.read() as connection:
            return of_new_jobs(connection, owner)


def of_new_jobs(connection: Connection, owner: Owner) -> int:
    """The priority that new jobs of an owner have."""
    told = {"user": owner.user, "instance": owner.instance}
    return connection.execute(_OF_NEW_JOBS, told).scalar_one_or_none() or 0


def _require(priority: int) -> None:
    if not -HIGHEST <= priority <= HIGHEST:
        raise BadRequest(f"a priority must be a number from -{HIGHEST} to {HIGHEST}", given=priority, where="priority")
