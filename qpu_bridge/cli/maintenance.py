"""``qpu-bridge maintenance``: when people work on a device."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack, require_device
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import os_user

app = typer.Typer(
    help="""Plan when people work on a device.

    Jobs that would not end before do not start.

    \b
      qpu-bridge maintenance plan emu_five 2026-12-01T08:00 2026-12-01T12:00 --reason "new amplifier"
      qpu-bridge maintenance list
      qpu-bridge maintenance remove 3
    """,
    no_args_is_help=True,
)

FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]


@app.command()
def plan(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in the rack.")],
    starts: Annotated[datetime, typer.Argument(formats=FORMATS, help="When it begins (UTC).")],
    stops: Annotated[datetime, typer.Argument(formats=FORMATS, help="When it ends (UTC).")],
    reason: Annotated[str, typer.Option(help="Why, in words that users see.")] = "",
    rack: RackOption = None,
) -> None:
    """Plan a window and print its number."""
    store = open_store(require_device(read_rack(rack), device))
    window = store.maintenance.plan(device, starts.replace(tzinfo=UTC), stops.replace(tzinfo=UTC), reason, actor=os_user())
    store.close()
    typer.echo(window.number)


@app.command("list")
def show(rack: RackOption = None, as_json: JsonOption = False) -> None:
    """List windows that have not ended."""
    store = open_store(read_rack(rack))
    names = ("number", "device", "starts", "stops", "reason")
    rows = [{name: getattr(window, name) for name in names} for window in store.maintenance.windows()]
    store.close()
    show_rows(rows, names, as_json=as_json)


@app.command()
def remove(number: Annotated[int, typer.Argument(help="Its number, as `list` shows it.")], rack: RackOption = None) -> None:
    """End a window, or strike it before it begins."""
    store = open_store(read_rack(rack))
    store.maintenance.remove(number, actor=os_user())
    store.close()
