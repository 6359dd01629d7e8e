"""``qpu-bridge serve``: the bridge and one runner process per device."""

from __future__ import annotations

from typing import Annotated

import typer

from qpu_bridge.cli.child import leave_with_parent, stop_on_signals
from qpu_bridge.cli.journal import keep_journal
from qpu_bridge.cli.private import keep_private
from qpu_bridge.cli.rack import RackOption, read_rack
from qpu_bridge.settings import Rack
from qpu_bridge.telemetry.logs import LogFormat


def serve(
    rack: RackOption = None,
    host: Annotated[str | None, typer.Option(help="Listen here instead of where the rack says.", show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Listen at this port; 0 takes a free one.", show_default=False)
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="Lines for people (plain) or machines (json).", show_default=False)
    ] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run the bridge: a process for HTTP, and per device its runner and its driver. Ctrl-C stops everything.

    \b
      qpu-bridge serve                        an emulated device of five qubits on 127.0.0.1:8080
      qpu-bridge serve --rack lab.toml        the devices of a rack file

    \b
    A socket that systemd holds (socket activation) is used instead of the rack's address: see deploy/systemd.
    """
    stop_on_signals()
    keep_private()
    if with_parent:
        leave_with_parent()
    keep_journal(verbose, log_format, part="bridge")
    known = read_rack(rack)
    if log_format is None:
        keep_journal(verbose, known.bridge.log_format, part="bridge")
    from qpu_bridge.cli.bridge import serve as serve_rack
    from qpu_bridge.service.listener import inherited

    listener = inherited()
    if listener is not None:
        # the service manager has chosen the address; the rack's rules hold for it too
        host, port = listener.getsockname()[:2]
    serve_rack(_at(known, host, port), verbose=verbose, file=rack, listener=listener)


def _at(rack: Rack, host: str | None, port: int | None) -> Rack:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if not given:
        return rack
    # validated again: another host may need TLS
    document = rack.model_dump(exclude_unset=True)
    return Rack.from_document(document | {"bridge": document.get("bridge", {}) | given}, where="command line")
