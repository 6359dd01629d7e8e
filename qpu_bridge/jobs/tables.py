"""The tables of the job store. Change one, and `SCHEMA` changes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA = 2
"""Number of the schema; a store of any other number is not opened."""

metadata = MetaData()


def _job() -> Column[int]:
    return Column("job", Integer, ForeignKey("jobs.number", ondelete="CASCADE"), nullable=False)


revisions = Table(
    "revisions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("made_at", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("user", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("program_id", String(64), nullable=False),
    Column("backend", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("reason_code", Integer),
    Column("solution", Text),
    Column("log_level", String(16), nullable=False),
    Column("cost", Integer),
    Column("calibration_id", String(128)),
    Column("session_id", String(36)),
    Column("private", Boolean, nullable=False, default=False),
    Column("read_once", Boolean, nullable=False, default=False),  # the result of a private job has been given out
    Column("priority", Integer, nullable=False, default=0),
    Column("estimate_s", Float),
    Column("seed", BigInteger),
    Column("driver_deaths", Integer, nullable=False, default=0),
    Column("created", BigInteger, nullable=False),
    Column("running", BigInteger),
    Column("finished", BigInteger),
    Column("attempts", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("usage_s", Float, nullable=False, default=0.0),
    Column("runner", String(64)),
    Column("request_key", String(255)),
    Column("digest", LargeBinary(32), nullable=False),
    Column("answered", Boolean, nullable=False, default=False),
    UniqueConstraint("user", "instance", "request_key", name="one_job_per_request_key"),
    Index("jobs_in_line", "backend", "state", "number"),
    Index("jobs_of_owner", "user", "instance", "number"),
    Index("jobs_of_session", "session_id", "number"),
    Index("jobs_unanswered", "answered", sqlite_where=text("answered = 0"), postgresql_where=text("not answered")),
    sqlite_autoincrement=True,
)

params = Table("params", metadata, _job(), Column("text", LargeBinary, nullable=False), UniqueConstraint("job"))

results = Table("results", metadata, _job(), Column("text", LargeBinary, nullable=False), UniqueConstraint("job"))

tags = Table(
    "tags",
    metadata,
    _job(),
    Column("position", Integer, nullable=False),
    Column("tag", String(86), nullable=False),
    UniqueConstraint("job", "tag"),
    Index("jobs_with_tag", "tag", "job"),
)

logs = Table(
    "logs",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=True),
    _job(),
    Column("at", BigInteger, nullable=False),
    Column("level", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Index("lines_of_job", "job", "line"),
)

usage = Table(
    "usage",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String(32), nullable=False),
    Column("user", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("backend", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("usage_of_owner", "user", "instance", "at"),
)

chunks = Table(
    "chunks",
    metadata,
    _job(),
    Column("item", Integer, nullable=False),
    Column("first_row", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("job", "item", "first_row"),
)
"""Finished rows of a running job: what interim results show, and what a run that died is taken up from."""

sessions = Table(
    "sessions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("user", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("backend", String(64), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text),
    Column("accepting_jobs", Boolean, nullable=False, default=True),
    Column("max_ttl", Integer, nullable=False),
    Column("active_ttl", Integer),
    Column("interactive_ttl", Integer, nullable=False),
    Column("calibration_id", String(128)),
    Column("created", BigInteger, nullable=False),
    Column("started", BigInteger),
    Column("activated", BigInteger),
    Column("closed", BigInteger),
    Column("last_job_started", BigInteger),
    Column("last_job_completed", BigInteger),
    Column("elapsed_s", Float, nullable=False, default=0.0),
    Column("digest", LargeBinary(32), nullable=False),
    Column("answered", Boolean, nullable=False, default=False),
    Index("sessions_in_line", "backend", "state", "number"),
    Index("sessions_of_owner", "user", "instance", "number"),
    sqlite_autoincrement=True,
)

session_moments = Table(
    "session_moments",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("session", Integer, ForeignKey("sessions.number", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Index("moments_of_session", "session", "entry"),
)

users = Table(
    "users",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger),
)

quotas = Table(
    "quotas",
    metadata,
    Column("user", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("pending_jobs", Integer),
    Column("seconds", Float),
    UniqueConstraint("user", "instance"),
)
"""Limits that differ from the rack's: empty ``user`` speaks of a whole instance. Seconds are per rolling 28 days."""

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("user", String(128), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
)

audit = Table(
    "audit",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("act", String(64), nullable=False),
    Column("object", String(256), nullable=False),
    Column("details", Text, nullable=False, default=""),
    Index("audit_by_time", "at"),
)

devices = Table(
    "devices",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("paused", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=False, default=""),
    Column("fault", Text, nullable=False, default=""),
    Column("runner", String(64)),
    Column("heartbeat", BigInteger),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("device", String(64), nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("stops", BigInteger, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Index("maintenance_of_device", "device", "stops"),
)
