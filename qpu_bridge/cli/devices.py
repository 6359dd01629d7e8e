"""``qpu-bridge devices``: what stands in the rack and how it is."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import RackOption, open_folder, open_store, read_rack
from qpu_bridge.errors import DriverLost
from qpu_bridge.jobs import Word
from qpu_bridge.plugins import driver_names, snapshot_names

COLOUR = {Word.ONLINE: "green", Word.PAUSED: "yellow", Word.OFFLINE: "red"}


def devices(rack: RackOption = None) -> None:
    """Show the devices of the rack, whether they are online, and how many jobs wait.

    \b
      qpu-bridge devices
      qpu-bridge devices --rack lab.toml
    """
    known = read_rack(rack)
    folder = open_folder(known)
    store = open_store(known)
    conditions = store.devices.conditions(tuple(known.devices))
    store.close()
    table = Table("device", "state", "jobs", "qubits", "driver", "results", "calibration")
    for name, spec in known.devices.items():
        device = RackDevice(name, spec, folder)
        condition = conditions[name]
        state = f"[{COLOUR[condition.word]}]{condition.word}[/] {condition.reason}"
        try:
            results = device.capabilities.source
        except DriverLost:
            results = "not connected yet"
        snapshot = device.snapshot
        table.add_row(name, state, str(condition.queue), str(len(snapshot.qubits)), spec.driver, results, snapshot.calibration_id)
    console = Console()
    console.print(table)
    console.print(f"installed drivers: {', '.join(driver_names())}; snapshots: {', '.join(snapshot_names())}", style="dim")
