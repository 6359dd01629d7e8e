"""``qpu-bridge prune``: delete what the rack keeps no longer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption, show
from qpu_bridge.errors import SettingsError
from qpu_bridge.settings import Retention


def prune(
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it nothing is.")] = False,
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what has expired by [bridge.retention] of the rack; with --yes delete it. A running bridge does so once a day.

    \b
      [bridge.retention]
      parameters_days = 90
      results_days = 365
      logs_days = 365
      jobs_days = 1000
    """
    from qpu_bridge.jobs import os_user
    from qpu_bridge.jobs.retention import expired
    from qpu_bridge.jobs.retention import prune as delete

    known = read_rack(rack)
    policy = known.bridge.retention
    if policy == Retention():
        raise SettingsError(
            "the rack must say for how long things are kept",
            given="no [bridge.retention]",
            remedy="Without one nothing ever expires; `qpu-bridge prune --help` shows one.",
        )
    store = open_store(known)
    found = delete(store.database, policy, actor=os_user()) if yes else expired(store.database, policy)
    store.close()
    rows = [
        {
            "what": name,
            "kept for days": getattr(policy, f"{name}_days", policy.jobs_days),
            "deleted" if yes else "expired": number,
        }
        for name, number in asdict(found).items()
    ]
    show(rows, list(rows[0]), as_json=as_json)
    if found and not yes and not as_json:
        typer.echo("qpu-bridge prune --yes deletes them")
