"""What alembic runs for each command, in the connection and the transaction that it is given."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from qpu_bridge.jobs.columns import Sealed, Whole, Words
from qpu_bridge.jobs.tables import metadata


def _text(kind: str, item: Any, _: object) -> str | Literal[False]:
    if kind == "type" and isinstance(item, Sealed | Whole | Words):
        return f"{type(item).__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_text,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
context.run_migrations()
