"""``qpu-bridge backup`` and ``restore``: copies of the job store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qpu_bridge.cli.private import keep_private
from qpu_bridge.cli.rack import STORE, RackOption, only_bridge, open_folder, read_rack
from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Rack


def backup(
    file: Annotated[Path, typer.Argument(help="The copy; it must not exist yet.", dir_okay=False)], rack: RackOption = None
) -> None:
    """Copy the job store as it is at this moment, while the bridge runs, and check the copy.

    It holds jobs, results, users and hashes of tokens: keep it as private as the data folder.

    \b
      qpu-bridge backup /backups/jobs-$(date +%F).sqlite
    """
    from qpu_bridge.jobs.backup import back_up

    keep_private()
    known = read_rack(rack)
    _require_sqlite(known, f"pg_dump --format=custom --file={file} DATABASE")
    store = open_folder(known) / STORE
    back_up(store, file)
    typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB, checked")


def restore(file: Annotated[Path, typer.Argument(help="A copy that `qpu-bridge backup` made.")], rack: RackOption = None) -> None:
    """Put a copy in the place of the job store. No bridge may run; the store that was there is kept beside it.

    What happened since the copy was made has not happened: jobs that ended run again, tokens that were taken back are valid.

    \b
      qpu-bridge restore /backups/jobs-2026-11-21.sqlite
    """
    from qpu_bridge.jobs import os_user
    from qpu_bridge.jobs.backup import restore as put_back

    keep_private()
    known = read_rack(rack)
    _require_sqlite(known, f"pg_restore --clean --if-exists --dbname=DATABASE {file}")
    folder = open_folder(known)
    with only_bridge(folder):
        replaced = put_back(file, folder / STORE, actor=os_user())
    typer.echo(f"{folder / STORE}: restored from {file}, checked")
    if replaced is not None:
        typer.echo(f"{replaced}: what was there before")


def _require_sqlite(rack: Rack, instead: str) -> None:
    if rack.bridge.database is not None:
        raise SettingsError(
            "the job store must be a file to be copied by this command", given="one in PostgreSQL", remedy=f"Use {instead}."
        )
