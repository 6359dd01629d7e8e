"""Make the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qpu_bridge.jobs.columns import Sealed, Whole, Words

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit",
        sa.Column("entry", Whole(), autoincrement=True, nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.Column("actor", Words(), nullable=False),
        sa.Column("act", Words(), nullable=False),
        sa.Column("object", Words(), nullable=False),
        sa.Column("details", Words(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("audit_by_time", "audit", ["at"], unique=False)
    op.create_table(
        "devices",
        sa.Column("name", Words(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("fault", Words(), nullable=False),
        sa.Column("unfit", Words(), nullable=False),
        sa.Column("runner", Words(), nullable=True),
        sa.Column("heartbeat", Whole(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "jobs",
        sa.Column("number", Whole(), autoincrement=True, nullable=False),
        sa.Column("id", Words(), nullable=False),
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("program_id", Words(), nullable=False),
        sa.Column("backend", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("reason", Words(), nullable=True),
        sa.Column("reason_code", Whole(), nullable=True),
        sa.Column("solution", Words(), nullable=True),
        sa.Column("log_level", Words(), nullable=False),
        sa.Column("cost", Whole(), nullable=True),
        sa.Column("calibration_id", Words(), nullable=True),
        sa.Column("session_id", Words(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("read_once", sa.Boolean(), nullable=False),
        sa.Column("priority", Whole(), nullable=False),
        sa.Column("planned_s", sa.Float(), nullable=True),
        sa.Column("estimate_s", sa.Float(), nullable=True),
        sa.Column("seed", Whole(), nullable=True),
        sa.Column("driver_deaths", Whole(), nullable=False),
        sa.Column("created", Whole(), nullable=False),
        sa.Column("running", Whole(), nullable=True),
        sa.Column("finished", Whole(), nullable=True),
        sa.Column("attempts", Whole(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("usage_s", sa.Float(), nullable=False),
        sa.Column("runner", Words(), nullable=True),
        sa.Column("request_key", Words(), nullable=True),
        sa.Column("caller", Words(), nullable=True),
        sa.Column("qiskit_version", Words(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("user", "instance", "request_key", name="one_job_per_request_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "jobs_by_owner_in_line",
        "jobs",
        ["backend", "state", "user", "instance", sa.literal_column("priority DESC"), "number"],
        unique=False,
    )
    op.create_index(
        "jobs_by_session_in_line", "jobs", ["session_id", "state", sa.literal_column("priority DESC"), "number"], unique=False
    )
    op.create_index("jobs_in_line", "jobs", ["backend", "state", "number"], unique=False)
    op.create_index("jobs_of_owner", "jobs", ["user", "instance", "number"], unique=False)
    op.create_index("jobs_of_session", "jobs", ["session_id", "number"], unique=False)
    op.create_index("jobs_pending_of_owner", "jobs", ["state", "instance", "user"], unique=False)
    op.create_index(
        "jobs_unanswered",
        "jobs",
        ["answered"],
        unique=False,
        sqlite_where=sa.text("answered = 0"),
        postgresql_where=sa.text("not answered"),
    )
    op.create_table(
        "maintenance",
        sa.Column("number", Whole(), autoincrement=True, nullable=False),
        sa.Column("device", Words(), nullable=False),
        sa.Column("starts", Whole(), nullable=False),
        sa.Column("stops", Whole(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("maintenance_of_device", "maintenance", ["device", "stops"], unique=False)
    op.create_table(
        "quotas",
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("pending_jobs", Whole(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("priority", Whole(), nullable=True),
        sa.UniqueConstraint("user", "instance"),
    )
    op.create_table(
        "sessions",
        sa.Column("number", Whole(), autoincrement=True, nullable=False),
        sa.Column("id", Words(), nullable=False),
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("backend", Words(), nullable=False),
        sa.Column("mode", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("state_reason", Words(), nullable=True),
        sa.Column("accepting_jobs", sa.Boolean(), nullable=False),
        sa.Column("max_ttl", Whole(), nullable=False),
        sa.Column("active_ttl", Whole(), nullable=True),
        sa.Column("interactive_ttl", Whole(), nullable=False),
        sa.Column("calibration_id", Words(), nullable=True),
        sa.Column("created", Whole(), nullable=False),
        sa.Column("started", Whole(), nullable=True),
        sa.Column("activated", Whole(), nullable=True),
        sa.Column("closed", Whole(), nullable=True),
        sa.Column("last_job_started", Whole(), nullable=True),
        sa.Column("last_job_completed", Whole(), nullable=True),
        sa.Column("idle_since", Whole(), nullable=True),
        sa.Column("elapsed_s", sa.Float(), nullable=False),
        sa.Column("used_s", sa.Float(), nullable=False),
        sa.Column("held_s", sa.Float(), nullable=False),
        sa.Column("turn", Whole(), nullable=True),
        sa.Column("due", Whole(), nullable=True),
        sa.Column("request_key", Words(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("user", "instance", "request_key", name="one_session_per_request_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("sessions_due", "sessions", ["backend", "due"], unique=False)
    op.create_index("sessions_in_line", "sessions", ["backend", "state", "number"], unique=False)
    op.create_index("sessions_of_owner", "sessions", ["user", "instance", "number"], unique=False)
    op.create_table(
        "upkeep",
        sa.Column("name", Words(), nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "usage",
        sa.Column("entry", Whole(), autoincrement=True, nullable=False),
        sa.Column("job_id", Words(), nullable=False),
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("backend", Words(), nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("usage_of_owner", "usage", ["user", "instance", "at"], unique=False)
    op.create_table(
        "used_days",
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("day", Whole(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.UniqueConstraint("instance", "user", "day"),
    )
    op.create_table(
        "users",
        sa.Column("name", Words(), nullable=False),
        sa.Column("role", Words(), nullable=False),
        sa.Column("created", Whole(), nullable=False),
        sa.Column("disabled", Whole(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "chunks",
        sa.Column("job", Whole(), nullable=False),
        sa.Column("item", Whole(), nullable=False),
        sa.Column("first_row", Whole(), nullable=False),
        sa.Column("rows", Whole(), nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.Column("data", Sealed(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], ondelete="CASCADE"),
        sa.UniqueConstraint("job", "item", "first_row"),
    )
    op.create_table(
        "logs",
        sa.Column("line", Whole(), autoincrement=True, nullable=False),
        sa.Column("job", Whole(), nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.Column("level", Words(), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line"),
    )
    op.create_index("lines_of_job", "logs", ["job", "line"], unique=False)
    op.create_table(
        "members",
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=False),
        sa.Column("joined", Whole(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user"],
            ["users.name"],
        ),
        sa.UniqueConstraint("user", "instance"),
    )
    op.create_table(
        "params",
        sa.Column("job", Whole(), nullable=False),
        sa.Column("text", Sealed(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], ondelete="CASCADE"),
        sa.UniqueConstraint("job"),
    )
    op.create_table(
        "results",
        sa.Column("job", Whole(), nullable=False),
        sa.Column("text", Sealed(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], ondelete="CASCADE"),
        sa.UniqueConstraint("job"),
    )
    op.create_table(
        "session_moments",
        sa.Column("entry", Whole(), autoincrement=True, nullable=False),
        sa.Column("session", Whole(), nullable=False),
        sa.Column("at", Whole(), nullable=False),
        sa.Column("status", Words(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["sessions.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("moments_of_session", "session_moments", ["session", "entry"], unique=False)
    op.create_table(
        "tags",
        sa.Column("job", Whole(), nullable=False),
        sa.Column("position", Whole(), nullable=False),
        sa.Column("tag", Words(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.number"], ondelete="CASCADE"),
        sa.UniqueConstraint("job", "tag"),
    )
    op.create_index("jobs_with_tag", "tags", ["tag", "job"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", Words(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user", Words(), nullable=False),
        sa.Column("instance", Words(), nullable=True),
        sa.Column("created", Whole(), nullable=False),
        sa.Column("expires", Whole(), nullable=True),
        sa.Column("revoked", Whole(), nullable=True),
        sa.Column("last_used", Whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user"],
            ["users.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
