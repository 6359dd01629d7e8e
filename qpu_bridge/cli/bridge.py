"""The bridge: this process holds the socket, a process answers HTTP, one per device works off its queue; all gone at the end."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from qpu_bridge import plugins
from qpu_bridge.cli.child import CLOSE_S, Asked, Child, command, undisturbed
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.journal import patience, say, share_metrics
from qpu_bridge.cli.private import write_private
from qpu_bridge.cli.rack import ADDRESS, FROZEN, only_bridge, open_folder, open_store, rack_option
from qpu_bridge.errors import BridgeError, DriverLost, SettingsError
from qpu_bridge.service.listener import listen
from qpu_bridge.settings import Rack

PATIENCE_S = 300.0
"""How long the drivers may take until they say for the first time what they can do, s: as long as a process may be silent."""

LEAVE_S = 2 * CLOSE_S
"""How long one that was told to stop may take, s: the runners leave side by side, then the process that answers HTTP."""

LOOK_S = 0.02
"""How often to look whether what we wait for has come, s."""


def serve(rack: Rack, *, verbose: bool, file: Path | None = None, listener: socket.socket | None = None) -> None:
    """Serve the devices of a rack until the process is told to stop.

    Args:
        rack: What to serve.
        verbose: Whether to say more.
        file: Where the rack was read, for the hints.
        listener: The socket, if a service manager holds it for us.

    Raises:
        OperatorError: If the address, the data folder or every driver is not usable.
    """
    folder = open_folder(rack)
    with ExitStack() as held:
        held.enter_context(only_bridge(folder, LEAVE_S))
        share_metrics(folder)
        address = folder / ADDRESS
        # one that was killed could not remove it, and its children may still be about to let go of the port
        patience_s = CLOSE_S if address.exists() else 0.0
        door = held.enter_context(listener or listen(rack.bridge.host, rack.bridge.port, patience_s))
        # when the runners are gone: what they left goes back to the queue first
        held.enter_context(_goodbye(rack))
        devices = [RackDevice(name, spec, folder) for name, spec in rack.devices.items()]
        for device in devices:
            if device.spec.supervised:
                plugins.require_driver(device.spec.driver)
        started = time.time_ns()
        address.unlink(missing_ok=True)
        # The children read what this process has read, so that a rack file edited meanwhile does not give two truths.
        frozen = write_private(folder / FROZEN, rack.model_dump_json())
        flags = ["--frozen", str(frozen), *(["--verbose"] if verbose else [])]
        runners = [Child(f"runner of {d.name}", command("runner", d.name, "--with-parent", *flags)) for d in devices]
        face = Child("HTTP face", command("api", "--listener", str(door.fileno()), *flags), descriptors=[door.fileno()])
        held.enter_context(_alive(runners))
        held.enter_context(_alive([face]))
        # before the children leave: who starts meanwhile sees that this one does
        held.callback(address.unlink, missing_ok=True)
        with patience("the drivers come up ..."):
            ready = _answering(devices, runners, started)
            face.tell(json.dumps(list(ready)))
            while not address.exists():
                _require(face)
                time.sleep(LOOK_S)
        with undisturbed():
            _greet(address.read_text().strip(), ready, folder, file)
            # all that this process wants of the store: until here it would only take time from those who are waited for
            from qpu_bridge.jobs.retention import pruning

            store = open_store(rack)
            held.callback(store.close)
            held.enter_context(pruning(store.database, rack.bridge.retention))
        while True:
            # until a signal raises `Asked`
            time.sleep(3600)


@contextmanager
def _alive(children: Sequence[Child]) -> Iterator[None]:
    for child in children:
        child.start()
    try:
        yield
    finally:
        for child in children:
            child.stop()
        for child in children:
            child.join()


def _require(child: Child) -> None:
    if child.unusable:
        raise SettingsError(f"the {child.name} must be able to start", remedy="What it said is above.")


def _answering(devices: Sequence[RackDevice], runners: Sequence[Child], started: int) -> dict[str, RackDevice]:
    """The devices that have said what they can do, now or on an earlier day; the others are left out, and that is said."""
    waiting = list(devices)
    deadline_s = time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < deadline_s:
        waiting = [device for device in waiting if not device.announced_since(started)]
        for runner in runners:
            _require(runner)
        time.sleep(LOOK_S)
    ready = {}
    for device in devices:
        try:
            _ = device.capabilities
            ready[device.name] = device
        except DriverLost:
            say(
                f"{device.name} is left out: its driver did not come up in {PATIENCE_S:.0f} s. "
                "A first start may compile; start again if the machine was busy.",
                logging.ERROR,
            )
        else:
            if device in waiting:
                say(f"{device.name} is not there yet; its jobs wait", logging.WARNING)
    if not ready:
        raise SettingsError("a driver must come up", given="none did", remedy="Its messages are above.")
    return ready


@contextmanager
def _goodbye(rack: Rack) -> Iterator[None]:
    """Say at the end, if it comes because somebody asked for it, what is left to do."""
    try:
        yield
    except Asked:
        _say_stopped(rack)
        raise
    _say_stopped(rack)


def _say_stopped(rack: Rack) -> None:
    from qpu_bridge.jobs import Filter

    try:
        with closing(open_store(rack)) as store:
            waiting = store.page(Filter(owner=None, limit=1, pending=True)).count
    except BridgeError:
        waiting = 0
    words = f" {waiting} {'job waits' if waiting == 1 else 'jobs wait'} for the next start." if waiting else ""
    say(f"Stopped{';' if words else '.'}{words}")


def _greet(url: str, devices: dict[str, RackDevice], folder: Path, file: Path | None) -> None:
    say(f"the bridge answers at {url}", style="bold green")
    for device in devices.values():
        can = device.capabilities
        kind = "simulated" if can.simulated else "measured"
        refusal = _refusal(device)
        say(f"  {device.name}: {len(device.snapshot.qubits)} qubits, driver {can.driver}, {kind} ({can.source})")
        if refusal:
            say(f"  {device.name} refuses its jobs: {refusal}", logging.WARNING)
    say(f"  its data: {folder}")
    say(f"  a token:  qpu-bridge token create NAME --save{rack_option(file)}")
    say("  a job:    qpu-bridge run -- python my_qiskit_program.py")


def _refusal(device: RackDevice) -> str:
    """Why every job of a device will be refused; empty if none will be for that reason."""
    try:
        device.view().require_trustworthy()
    except SettingsError as error:
        return error.sentence
    return ""
