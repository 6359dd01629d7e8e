"""``qpu-bridge devices``: what stands in the rack, how it is; pause and resume."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import RackOption, open_folder, open_store, read_rack, require_device
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.errors import DriverLost
from qpu_bridge.jobs import Word, os_user
from qpu_bridge.plugins import driver_names, snapshot_names
from qpu_bridge.telemetry.logs import printable

COLOUR = {Word.ONLINE: "green", Word.PAUSED: "yellow", Word.OFFLINE: "red"}

app = typer.Typer(
    help="""Show, pause and resume devices.

    Without a command: whether they are online, and how many jobs wait.

    \b
      qpu-bridge devices
      qpu-bridge devices --rack lab.toml
      qpu-bridge devices pause emu_five --reason "new attenuators until noon"
      qpu-bridge devices resume emu_five
    """,
    invoke_without_command=True,
)

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in the rack.")]


@app.callback(invoke_without_command=True)
def devices(context: typer.Context, rack: RackOption = None, as_json: JsonOption = False) -> None:
    """Without a command: show them."""
    if context.invoked_subcommand is not None:
        context.obj = rack
        return
    known = read_rack(rack)
    folder = open_folder(known)
    store = open_store(known)
    conditions = store.devices.conditions(tuple(known.devices))
    store.close()
    rows = []
    for name, spec in known.devices.items():
        device = RackDevice(name, spec, folder)
        try:
            results = device.capabilities.source
        except DriverLost:
            results = "not connected yet"
        condition = conditions[name]
        rows.append(
            {
                "device": name,
                "state": condition.word,
                "reason": condition.reason,
                "jobs": condition.queue,
                "qubits": len(device.snapshot.qubits),
                "driver": spec.driver,
                "results": results,
                "calibration": device.snapshot.calibration_id,
            }
        )
    if as_json:
        show_rows(rows, tuple(rows[0]), as_json=True)
        return
    table = Table("device", "state", "jobs", "qubits", "driver", "results", "calibration")
    for row in rows:
        word = Word(str(row["state"]))
        state = f"[{COLOUR[word]}]{word}[/] {escape(printable(str(row['reason'])))}"
        rest = (escape(str(row[name])) for name in ("jobs", "qubits", "driver", "results", "calibration"))
        table.add_row(str(row["device"]), state, *rest)
    console = Console()
    console.print(table)
    console.print(f"installed drivers: {', '.join(driver_names())}; snapshots: {', '.join(snapshot_names())}", style="dim")


@app.command()
def pause(
    context: typer.Context,
    device: DeviceArgument,
    reason: Annotated[str, typer.Option(help="Why, in words that users see.")] = "",
    rack: RackOption = None,
) -> None:
    """Start no more jobs on a device: the one that runs goes on, the others wait."""
    known = require_device(read_rack(rack or context.obj), device)
    store = open_store(known)
    store.devices.pause(device, reason, actor=os_user())
    store.close()


@app.command()
def resume(context: typer.Context, device: DeviceArgument, rack: RackOption = None) -> None:
    """Start jobs again."""
    known = require_device(read_rack(rack or context.obj), device)
    store = open_store(known)
    store.devices.resume(device, actor=os_user())
    store.close()
