"""``qpu-bridge api``: the process that answers HTTP. `serve` starts it; people need not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from qpu_bridge.cli.child import leave_with_parent, stop_on_signals
from qpu_bridge.cli.journal import keep_journal
from qpu_bridge.cli.private import keep_private
from qpu_bridge.settings import Rack


def api(
    frozen: Annotated[Path, typer.Option(help="The rack as JSON.")],
    listener: Annotated[int, typer.Option(help="Number of the listening socket.")],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Answer HTTP at a socket that the parent holds, for the devices that it names on standard input."""
    stop_on_signals()
    keep_private()
    named = leave_with_parent()
    keep_journal(verbose, count=True, part="api")
    from qpu_bridge.cli.answer import answer

    # all the imports are done while the drivers come up
    answer(Rack.model_validate_json(frozen.read_bytes()), listener, lambda: json.loads(named.result()))
