"""The fence around a running job: what a runner writes holds only while the job runs under that runner's name."""

from __future__ import annotations

from sqlalchemy import bindparam

from qpu_bridge.jobs.states import State
from qpu_bridge.jobs.tables import jobs

FENCE = (jobs.c.number == bindparam("job"), jobs.c.state == State.RUNNING, jobs.c.runner == bindparam("me"))
"""Conditions on the table of jobs that no row meets once a successor has settled what this runner left."""
