"""The tables of the job store. Change one, and write a revision: `python -m qpu_bridge.jobs.migrations`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from qpu_bridge.jobs.columns import Sealed, Whole, Words

metadata = MetaData()


def _job() -> Column[int]:
    return Column("job", Whole, ForeignKey("jobs.number", ondelete="CASCADE"), nullable=False)


jobs = Table(
    "jobs",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("id", Words, nullable=False, unique=True),
    Column("user", Words, nullable=False),
    Column("instance", Words, nullable=False),
    Column("program_id", Words, nullable=False),
    Column("backend", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words),
    Column("reason_code", Whole),
    Column("solution", Words),
    Column("log_level", Words, nullable=False),
    Column("cost", Whole),
    Column("calibration_id", Words),
    Column("session_id", Words),
    Column("private", Boolean, nullable=False, default=False),
    Column("read_once", Boolean, nullable=False, default=False),  # the result of a private job has been given out
    Column("priority", Whole, nullable=False, default=0),
    Column("planned_s", Float),
    Column("estimate_s", Float),
    Column("seed", Whole),
    Column("driver_deaths", Whole, nullable=False, default=0),
    Column("created", Whole, nullable=False),
    Column("running", Whole),
    Column("finished", Whole),
    Column("attempts", Whole, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("usage_s", Float, nullable=False, default=0.0),
    Column("runner", Words),
    Column("request_key", Words),
    Column("caller", Words),  # the part of the client's library that asked, as it said itself
    Column("qiskit_version", Words),
    Column("digest", LargeBinary(32), nullable=False),
    Column("answered", Boolean, nullable=False, default=False),
    UniqueConstraint("user", "instance", "request_key", name="one_job_per_request_key"),
    Index("jobs_in_line", "backend", "state", "number"),
    Index("jobs_of_owner", "user", "instance", "number"),
    Index("jobs_of_session", "session_id", "number"),
    Index("jobs_by_owner_in_line", "backend", "state", "user", "instance", text("priority DESC"), "number"),
    Index("jobs_by_session_in_line", "session_id", "state", text("priority DESC"), "number"),
    Index("jobs_pending_of_owner", "state", "instance", "user"),
    Index("jobs_unanswered", "answered", sqlite_where=text("answered = 0"), postgresql_where=text("not answered")),
    sqlite_autoincrement=True,
)

params = Table("params", metadata, _job(), Column("text", Sealed, nullable=False), UniqueConstraint("job"))

results = Table("results", metadata, _job(), Column("text", Sealed, nullable=False), UniqueConstraint("job"))

tags = Table(
    "tags",
    metadata,
    _job(),
    Column("position", Whole, nullable=False),
    Column("tag", Words, nullable=False),
    UniqueConstraint("job", "tag"),
    Index("jobs_with_tag", "tag", "job"),
)

logs = Table(
    "logs",
    metadata,
    Column("line", Whole, primary_key=True, autoincrement=True),
    _job(),
    Column("at", Whole, nullable=False),
    Column("level", Words, nullable=False),
    Column("text", Words, nullable=False),
    Index("lines_of_job", "job", "line"),
)

usage = Table(
    "usage",
    metadata,
    Column("entry", Whole, primary_key=True, autoincrement=True),
    Column("job_id", Words, nullable=False),
    Column("user", Words, nullable=False),
    Column("instance", Words, nullable=False),
    Column("backend", Words, nullable=False),
    Column("at", Whole, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("usage_of_owner", "user", "instance", "at"),
)

used_days = Table(
    "used_days",
    metadata,
    Column("user", Words, nullable=False),
    Column("instance", Words, nullable=False),
    Column("day", Whole, nullable=False),
    Column("seconds", Float, nullable=False),
    UniqueConstraint("instance", "user", "day"),
)
"""The sums of ``usage`` by owner and day since 1970: what fair share and quotas read, however many jobs there were."""

chunks = Table(
    "chunks",
    metadata,
    _job(),
    Column("item", Whole, nullable=False),
    Column("first_row", Whole, nullable=False),
    Column("rows", Whole, nullable=False),
    Column("at", Whole, nullable=False),
    Column("data", Sealed, nullable=False),
    UniqueConstraint("job", "item", "first_row"),
)
"""Finished rows of a running job: what interim results show, and what a run that died is taken up from."""

sessions = Table(
    "sessions",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("id", Words, nullable=False, unique=True),
    Column("user", Words, nullable=False),
    Column("instance", Words, nullable=False),
    Column("backend", Words, nullable=False),
    Column("mode", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("state_reason", Words),
    Column("accepting_jobs", Boolean, nullable=False, default=True),
    Column("max_ttl", Whole, nullable=False),
    Column("active_ttl", Whole),
    Column("interactive_ttl", Whole, nullable=False),
    Column("calibration_id", Words),
    Column("created", Whole, nullable=False),
    Column("started", Whole),
    Column("activated", Whole),
    Column("closed", Whole),
    Column("last_job_started", Whole),
    Column("last_job_completed", Whole),
    Column("idle_since", Whole),
    Column("elapsed_s", Float, nullable=False, default=0.0),
    Column("used_s", Float, nullable=False, default=0.0),
    Column("held_s", Float, nullable=False, default=0.0),
    Column("turn", Whole),  # when the device began to take a batch's jobs one after the other
    Column("due", Whole),  # when time alone will change it
    Column("request_key", Words),
    Column("digest", LargeBinary(32), nullable=False),
    Column("answered", Boolean, nullable=False, default=False),
    UniqueConstraint("user", "instance", "request_key", name="one_session_per_request_key"),
    Index("sessions_in_line", "backend", "state", "number"),
    Index("sessions_due", "backend", "due"),
    Index("sessions_of_owner", "user", "instance", "number"),
    sqlite_autoincrement=True,
)

session_moments = Table(
    "session_moments",
    metadata,
    Column("entry", Whole, primary_key=True, autoincrement=True),
    Column("session", Whole, ForeignKey("sessions.number", ondelete="CASCADE"), nullable=False),
    Column("at", Whole, nullable=False),
    Column("status", Words, nullable=False),
    Index("moments_of_session", "session", "entry"),
)

users = Table(
    "users",
    metadata,
    Column("name", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("created", Whole, nullable=False),
    Column("disabled", Whole),
)

members = Table(
    "members",
    metadata,
    Column("user", Words, ForeignKey("users.name"), nullable=False),
    Column("instance", Words, nullable=False),
    Column("joined", Whole, nullable=False),
    UniqueConstraint("user", "instance"),
)
"""Which instances each user works in; an instance is there as long as somebody does."""

quotas = Table(
    "quotas",
    metadata,
    Column("user", Words, nullable=False),
    Column("instance", Words, nullable=False),
    Column("pending_jobs", Whole),
    Column("seconds", Float),
    Column("priority", Whole),
    UniqueConstraint("user", "instance"),
)
"""Limits that differ from the rack's: empty ``user`` speaks of a whole instance. Seconds are per rolling 28 days."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", Words, primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("user", Words, ForeignKey("users.name"), nullable=False),
    Column("instance", Words),  # none: all instances of the user
    Column("created", Whole, nullable=False),
    Column("expires", Whole),
    Column("revoked", Whole),
    Column("last_used", Whole),
)

audit = Table(
    "audit",
    metadata,
    Column("entry", Whole, primary_key=True, autoincrement=True),
    Column("at", Whole, nullable=False),
    Column("actor", Words, nullable=False),
    Column("act", Words, nullable=False),
    Column("object", Words, nullable=False),
    Column("details", Words, nullable=False, default=""),
    Index("audit_by_time", "at"),
)

devices = Table(
    "devices",
    metadata,
    Column("name", Words, primary_key=True),
    Column("paused", Boolean, nullable=False, default=False),
    Column("reason", Words, nullable=False, default=""),
    Column("fault", Words, nullable=False, default=""),
    Column("unfit", Words, nullable=False, default=""),  # why calibration keeps users away
    Column("runner", Words),
    Column("heartbeat", Whole),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("device", Words, nullable=False),
    Column("starts", Whole, nullable=False),
    Column("stops", Whole, nullable=False),
    Column("reason", Words, nullable=False, default=""),
    Index("maintenance_of_device", "device", "stops"),
)

upkeep = Table(
    "upkeep",
    metadata,
    Column("name", Words, primary_key=True),
    Column("at", Whole, nullable=False),
)
"""What a bridge does now and then, and when it looked last whether it was time."""
