"""How long jobs will take, from how long their pulses are and from how long others took."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from qpu_bridge.jobs.job import Owner
from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs

LOOKED_AT = 200
"""Jobs that ended last on a device; older ones say little of today's."""

ENOUGH = 20
"""Of those, as many of the same kind as are averaged."""

UNKNOWN_S = 600.0
"""What is taken for the length of a job of which nothing is known, where it must be short enough, s."""


# Made once: to write a query down in Python takes longer than to answer it.
_RECENT = (
    select(
        jobs.c.user,
        jobs.c.instance,
        jobs.c.program_id,
        jobs.c.usage_s,
        jobs.c.planned_s,
        jobs.c.running,
        jobs.c.finished,
    )
    .where(jobs.c.backend == bindparam("device"), jobs.c.state == State.COMPLETED)
    .order_by(jobs.c.number.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_SAME = select(_RECENT.c.usage_s, _RECENT.c.planned_s).where(_RECENT.c.program_id == bindparam("program")).limit(ENOUGH)
_PLANNED = _SAME.where(_RECENT.c.planned_s > 0)
_MINE = _SAME.where(_RECENT.c.user == bindparam("user"), _RECENT.c.instance == bindparam("instance"))
_PACE = select(func.avg(_RECENT.c.usage_s), func.avg(_RECENT.c.finished - _RECENT.c.running))


class Pace(NamedTuple):
    """How a device works.

    Attributes:
        job_s: Device time of a job, on the average, s.
        overhead_s: Time beside the device time that a job takes from start to end, on the average, s.
    """

    job_s: float
    overhead_s: float


def expected_s(connection: Connection, owner: Owner, backend: str, program_id: str, planned_s: float | None) -> float | None:
    """Device time that a job will use, as far as known.

    Args:
        connection: To the store.
        owner: Whose job.
        backend: Which device.
        program_id: Which program.
        planned_s: Length of its compiled pulses times shots, if known, s.

    Returns:
        The planned length times what such jobs took in relation to theirs; else what the owner's jobs took; else None.
    """
    told = {"device": backend, "program": program_id}
    if planned_s is not None:
        rows = connection.execute(_PLANNED, told).all()
        planned = sum(row.planned_s for row in rows)
        return planned_s * (sum(row.usage_s for row in rows) / planned if planned else 1.0)
    mine = connection.execute(_MINE, told | {"user": owner.user, "instance": owner.instance})
    used = [row.usage_s for row in mine]
    return sum(used) / len(used) if used else None


def pace(connection: Connection, backend: str) -> Pace:
    """How a device works."""
    used, span = connection.execute(_PACE, {"device": backend}).one()
    if used is None or span is None:
        return Pace(0.0, 0.0)
    return Pace(float(used), max(0.0, float(span) / 1e6 - float(used)))
