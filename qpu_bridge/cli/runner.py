"""``qpu-bridge runner``: the process that works off the queue of one device. `serve` starts it; people need not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qpu_bridge.cli.child import leave_with_parent, stop_on_signals
from qpu_bridge.cli.connection import coming_up
from qpu_bridge.cli.device import RackDevice
from qpu_bridge.cli.journal import keep_journal
from qpu_bridge.cli.private import keep_private
from qpu_bridge.cli.rack import RackOption, open_folder, read_rack
from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Rack


def runner(
    device: Annotated[str, typer.Argument(help="Whose queue.")],
    rack: RackOption = None,
    frozen: Annotated[Path | None, typer.Option(help="The rack as JSON, instead of --rack.")] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Work off the queue of one device: start its driver, take its jobs one after the other."""
    stop_on_signals()
    keep_private()
    if with_parent:
        leave_with_parent()
    keep_journal(verbose, count=True, part="runner", device=device)
    known = read_rack(rack) if frozen is None else Rack.model_validate_json(frozen.read_bytes())
    if device not in known.devices:
        raise SettingsError("the device must be in the rack", given=device, remedy=f"Available: {', '.join(known.devices)}.")
    mine = RackDevice(device, known.devices[device], open_folder(known))
    with coming_up(known, mine) as arrived:
        # all that the runner needs itself is imported while the driver comes up
        from qpu_bridge.cli.work_off import work_off

        work_off(known, mine, arrived)
