"""The driver process: one driver, one server, until it is told to stop or its parent has gone."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from types import FrameType

from qpu_bridge import plugins
from qpu_bridge.errors import UNUSABLE, BridgeError, SettingsError
from qpu_bridge.lasting import lasting
from qpu_bridge.transport.keys import ServerKeys, read_pair, read_public
from qpu_bridge.transport.server import DriverServer

FOLLOW_PARENT = "QPU_BRIDGE_FOLLOW_PARENT"
"""Environment variable: if ``1``, standard input is a pipe from the parent, and its end is the end of this process."""

AWAIT_WORD = "QPU_BRIDGE_AWAIT_WORD"
"""Environment variable: if ``1`` beside that, the driver is opened only when the parent has written something."""

_GRACE_S = 5.0
_log = logging.getLogger(__name__)


def serve_driver(
    name: str,
    device: str,
    snapshot: Callable[[], str | Path],
    options: Mapping[str, object],
    endpoint: str,
    *,
    keys: ServerKeys | None = None,
    stop: Event | None = None,
    say: Callable[[str], None] = _log.info,
) -> None:
    """Serve a driver until SIGTERM, SIGINT, the event, or the end of the parent; then silence and close it.

    Args:
        name: Entry point of the driver.
        device: Name of the device.
        snapshot: Says, when the driver is opened, the name of a built-in snapshot, or a path.
        options: What the driver wants to know.
        endpoint: Watch line; the work line is beside it.
        keys: CURVE keys and clients allowed.
        stop: For callers that want to end it themselves.
        say: Called with a line for people when it serves.

    Raises:
        SettingsError: If driver, snapshot, endpoint or keys are not usable.
    """
    end, go_on = stop or Event(), Event()
    if current_thread() is main_thread():
        _set_on_signals(end, go_on)
    if os.environ.get(FOLLOW_PARENT) == "1":
        _follow_parent(end, go_on)
        if os.environ.get(AWAIT_WORD) == "1":
            # what can be done without touching an instrument
            with lasting():
                plugins.load_driver(name)
            go_on.wait()
    if end.is_set():
        return
    with lasting():
        driver = plugins.open_driver(name, device, plugins.open_snapshot(snapshot(), device), options)
    try:
        with DriverServer(driver, endpoint, keys=keys) as server:
            say(f"driver {name} of device {device} serves at {endpoint}")
            end.wait()
            server.close_driver()
    finally:
        driver.close()


def _set_on_signals(*events: Event) -> None:
    def finish(number: int, frame: FrameType | None) -> None:
        for event in events:
            event.set()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)


def _follow_parent(end: Event, go_on: Event) -> None:
    def watch() -> None:
        while os.read(0, 4096):
            go_on.set()
        end.set()
        go_on.set()
        # a driver that hangs in its own code does not see the event, and must not outlive its parent for long;
        # this thread is a daemon, so a process that ends in time never comes here
        Event().wait(_GRACE_S)
        os._exit(1)

    Thread(target=watch, name="driver-parent", daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m qpu_bridge.transport.process NAME --endpoint ... --device ... --snapshot ... --options JSON``."""
    parser = argparse.ArgumentParser(prog="driver", description="Serve one driver of qpu-bridge.")
    parser.add_argument("name", help="entry point in the group qpu_bridge.drivers")
    parser.add_argument("--endpoint", required=True, help="ipc://PATH, or tcp://HOST:PORT (the next port is used as well)")
    parser.add_argument("--device", required=True, help="name of the device")
    parser.add_argument("--snapshot", required=True, help="built-in snapshot by name, or a file")
    parser.add_argument("--options", default="{}", help="options of the driver, a JSON object")
    parser.add_argument("--secret", type=Path, help="secret key file, for endpoints that leave this machine")
    parser.add_argument("--allow", type=Path, action="append", default=[], help="public key file of a client; repeat for more")
    given = parser.parse_args(arguments)
    # sockets are files: for this user only
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        keys = None
        if given.secret is not None:
            keys = ServerKeys(read_pair(given.secret), frozenset(read_public(path) for path in given.allow))
        serve_driver(given.name, given.device, lambda: given.snapshot, _options(given.options), given.endpoint, keys=keys)
    except BridgeError as error:
        print(error, file=sys.stderr)
        return UNUSABLE if isinstance(error, SettingsError) else 1
    return 0


def _options(text: str) -> Mapping[str, object]:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise SettingsError("a driver's options must be JSON", given=str(error)) from None
    if not isinstance(options, dict):
        raise SettingsError("a driver's options must be a JSON object", given=text[:100])
    return options


if __name__ == "__main__":
    raise SystemExit(main())
