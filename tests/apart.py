"""A driver in a process of its own, on the road on which `calibrate` and `serve` have it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qpu_bridge.cli.connection import connected
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.driver import Driver
from qpu_bridge.settings import Rack
from qpu_bridge.target import Snapshot


@contextmanager
def driver_apart(name: str, snapshot: Snapshot, options: Mapping[str, object]) -> Iterator[Driver]:
    """As `plugins.open_driver`, but elsewhere; the process is gone at the end.

    Args:
        name: Of the driver.
        snapshot: What is believed of the device, and the device's name.
        options: What the driver wants to know; files by absolute paths.

    Raises:
        OperatorError: If it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="apart-") as folder:
        path = Path(folder)
        snapshot.write(path / "snapshot.json")
        device = {"driver": name, "snapshot": str(path / "snapshot.json"), "options": dict(options)}
        document = {"bridge": {"data_dir": folder}, "devices": {snapshot.device: device}}
        rack = Rack.from_document(document)
        with connected(rack, RackDevice(snapshot.device, rack.devices[snapshot.device], path)) as (driver, _):
            yield driver
