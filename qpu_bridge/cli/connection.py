"""A connection to the driver of a device: in a process that we start and watch, or in one that others do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from qpu_bridge import settings
from qpu_bridge.cli.child import command
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.private import write_private
from qpu_bridge.driver import Driver
from qpu_bridge.settings import Rack
from qpu_bridge.transport import ClientKeys, RemoteDriver, Supervisor, read_pair, read_public

Connection = tuple[Driver, Supervisor | None]
"""A driver, and who watches its process; None where others do."""


@contextmanager
def connected(rack: Rack, device: RackDevice) -> Iterator[Connection]:
    """Connect to the driver of a device. Whoever does so works for the device alone (`jobs.turn`).

    Args:
        rack: What it stands in.
        device: Which.

    Yields:
        The driver, and who watches its process.

    Raises:
        OperatorError: If it does not come up.
    """
    with coming_up(rack, device) as arrived:
        yield arrived()


@contextmanager
def coming_up(rack: Rack, device: RackDevice, *, waits: bool = False) -> Iterator[Callable[[], Connection]]:
    """As `connected`, for who has something else to do while the driver comes up.

    Args:
        rack: What it stands in.
        device: Which.
        waits: Whether the process may touch no instrument before somebody waits for it: until then it only imports.

    Yields:
        What waits for it.

    Raises:
        SettingsError: If it cannot be started.
    """
    supervisor = None
    endpoint = rack.endpoint(device.name)
    spec = device.spec
    keys = _keys(spec)
    with ExitStack() as held:
        if spec.supervised:
            arguments = ["driver", spec.driver, "--device", device.name, "--snapshot", _absolute(spec.snapshot)]
            arguments += ["--versions", str(device.versions.folder)]
            # not on the command line, which every user of this machine may read
            options = write_private(device.folder / f"{device.name}.options.json", json.dumps(spec.options))
            arguments += ["--endpoint", endpoint, "--options-file", str(options)]
            supervisor = Supervisor(command(*arguments), endpoint, keys=keys, waits=waits)
            held.enter_context(supervisor)

        def arrived() -> Connection:
            if supervisor is not None:
                supervisor.go_on()
                supervisor.wait_ready()
            driver = RemoteDriver(endpoint, keys=keys)
            held.callback(driver.close)
            return driver, supervisor

        yield arrived


def _keys(spec: settings.Device) -> ClientKeys | None:
    if spec.own_key is None or spec.driver_key is None:
        return None
    return ClientKeys(read_pair(spec.own_key), read_public(spec.driver_key))


def _absolute(snapshot: str) -> str:
    # the driver's process has a folder of its own
    return str(Path(snapshot).absolute()) if settings.is_path(snapshot) else snapshot
