"""``qpu-bridge audit``: who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption, show

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def audit(
    since: Annotated[datetime | None, typer.Option(formats=FORMATS, help="Not older than this (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(formats=FORMATS, help="Not younger than this (UTC).")] = None,
    actor: Annotated[str | None, typer.Option(help="Only by this user, or by os:NAME at the command line.")] = None,
    act: Annotated[str | None, typer.Option(help="Only acts of this kind, such as token.create.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who did what.

    Administrative acts, the newest first: what was done to people, limits, devices and other people's jobs.

    \b
      qpu-bridge audit --since 2026-11-01 --actor grace
    """
    store = open_store(read_rack(rack))
    found = store.audit.entries(since=_utc(since), until=_utc(until), actor=actor, act=act, limit=limit)
    store.close()
    rows = [
        {"at": entry.at, "actor": entry.actor, "act": entry.act, "object": entry.object, "details": entry.details}
        for entry in found
    ]
    show(rows, ("at", "actor", "act", "object", "details"), as_json=as_json)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
