"""How a store of one version becomes one of the next; the tables of a new store are made the same way.

`python -m qpu_bridge.jobs.migrations` writes the next revision after a change of `tables`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from qpu_bridge.errors import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The revision that this version of the bridge works with."""

FOLDER = Path(__file__).parent

VERSIONS = FOLDER / "versions"


def revision(connection: Connection) -> str | None:
    """The revision of a store; None if there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(connection: Connection, where: str) -> None:
    """Bring a store to `HEAD`, or make one in an empty database.

    Args:
        connection: In a transaction that nobody else can write beside: it is done whole or not at all.
        where: The store, for messages.

    Raises:
        SettingsError: If it was made by a newer bridge, or is something else.
    """
    found = revision(connection)
    if found == HEAD:
        # another process was quicker
        return
    # it takes longer to import than a store that is up to date takes to open
    from alembic import command
    from alembic.script import ScriptDirectory

    names = sorted(inspect(connection).get_table_names())
    if found is None and names:
        raise SettingsError(
            "the job store must be a store of this bridge, or an empty database",
            given=f"one with the tables {', '.join(names[:4])}",
            where=where,
        )
    settings = config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if found is not None and found not in known:
        raise SettingsError(
            f"the job store must have revision {HEAD} or an older one",
            given=found,
            where=where,
            remedy="A newer bridge has made it: install that one, or restore a backup from before.",
        )
    command.upgrade(settings, HEAD)


def config(connection: Connection) -> Config:
    """What alembic wants to know."""
    from alembic.config import Config

    settings = Config(attributes={"connection": connection})
    # % begins a variable there
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.set_main_option("version_locations", str(VERSIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "newline")
    return settings
