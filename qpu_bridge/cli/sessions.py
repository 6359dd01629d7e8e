"""``qpu-bridge session``: who has a device for themselves, and who groups their jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import os_user
from qpu_bridge.jobs.job import from_microseconds

app = typer.Typer(help="List and close sessions and batches of all users.", no_args_is_help=True)


@app.command("list")
def show(
    device: Annotated[str | None, typer.Option(help="Only on this device.")] = None,
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List sessions and batches that are not closed."""
    store = open_store(read_rack(rack))
    rows = [
        {
            "session": session.id,
            "mode": session.mode,
            "state": session.state,
            "device": session.backend,
            "user": session.owner.user,
            "instance": session.owner.instance,
            "created": from_microseconds(session.created),
        }
        for session in store.sessions.open_ones(device)
    ]
    store.close()
    show_rows(rows, ("session", "mode", "state", "device", "user", "instance", "created"), as_json=as_json)


@app.command()
def close(session: Annotated[str, typer.Argument(metavar="SESSION", help="Its id.")], rack: RackOption = None) -> None:
    """Close a session: its queued jobs are cancelled, the one that runs is finished, and the device is free."""
    store = open_store(read_rack(rack))
    found = store.sessions.cancel(session, actor=os_user())
    store.close()
    typer.echo(f"{found.id}: {found.state}")
