"""Private jobs: what is asked is forgotten when they end, and what comes out is given away once."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, select, update

from qpu_bridge.jobs.database import Database
from qpu_bridge.jobs.job import Job
from qpu_bridge.jobs.states import FINAL
from qpu_bridge.jobs.tables import chunks, jobs, params, results


def forget_inputs(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Delete the parameters and the finished rows of private jobs that have ended; in the transaction that ends them.

    Args:
        connection: The transaction.
        which: Conditions on the table of jobs: those that may just have ended.
    """
    ended = select(jobs.c.number).where(*which, jobs.c.private.is_(True), jobs.c.state.in_(sorted(FINAL)))
    for table in (params, chunks):
        connection.execute(delete(table).where(table.c.job.in_(ended)))


def give_away(database: Database, job: Job) -> None:
    """Delete the result of a private job: its owner has it."""
    with database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.number == job.number, jobs.c.private.is_(True)).values(read_once=True))
        gone = select(jobs.c.number).where(jobs.c.number == job.number, jobs.c.read_once.is_(True))
        connection.execute(delete(results).where(results.c.job.in_(gone)))
