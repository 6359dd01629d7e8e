"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qpu_bridge.jobs.columns import Sealed, Whole, Words

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """${message}."""
    ${upgrades if upgrades else "pass"}
