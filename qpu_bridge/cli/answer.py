"""What the process of the API does: the application with its checkers, at a socket that it was given."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.rack import SECRET, open_folder, open_store, write_address
from qpu_bridge.programs.checkers import Checkers
from qpu_bridge.service.app import create_app
from qpu_bridge.service.limits import JobLimits
from qpu_bridge.service.listener import adopt
from qpu_bridge.service.secret import read_secret
from qpu_bridge.service.server import Server
from qpu_bridge.settings import Rack
from qpu_bridge.telemetry import metrics


def answer(rack: Rack, listener: int, named: Callable[[], Sequence[str]]) -> None:
    """Answer until the process is told to stop.

    Args:
        rack: What is served.
        listener: Descriptor of the listening socket.
        named: Waits for the names of the devices to serve.

    Raises:
        OperatorError: If the socket, the certificate or the data folder is not usable.
    """
    bridge = rack.bridge
    folder = open_folder(rack)
    with ExitStack() as held:
        socket = held.enter_context(adopt(listener))
        store = open_store(rack)
        held.callback(store.close)
        known = {name: RackDevice(name, spec, folder) for name, spec in rack.devices.items()}
        for device in known.values():
            # a wrong file is said now, not when the first user asks, who would also have to wait for the reading
            device.snapshot  # noqa: B018
        devices = {name: known[name] for name in named()}
        # not before the drivers are up, whose start would have to share the processors with it
        checkers = held.enter_context(Checkers())

        def check(program_id: str, params: str, device: RackDevice) -> float | None:
            return checkers.check(program_id, params, device.view())

        limits = JobLimits(bridge.max_body_bytes, bridge.max_result_bytes, bridge.default_execution_s, bridge.max_execution_s)
        app = create_app(
            store,
            devices,
            check,
            secret=read_secret(folder / SECRET),
            limits=limits,
            checks=checkers.number,
            counted=metrics.count(),
        )
        server = held.enter_context(
            Server(app, bridge.host, bridge.port, certificate=bridge.tls_certificate, key=bridge.tls_key, listener=socket)
        )
        # what was imported stays; going through it again and again would take longer than most answers
        gc.freeze()
        write_address(folder, server.url)
        server.run()
