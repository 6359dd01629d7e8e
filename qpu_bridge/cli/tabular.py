"""Tables of the command line: for people, or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from qpu_bridge.telemetry.logs import printable

JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def show(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows, which all have these columns: a table, or a JSON list of objects."""
    if as_json:
        typer.echo(json.dumps([{name: _plain(row[name]) for name in columns} for row in rows], indent=2))
        return
    # names that people copy stay in one piece, however narrow the terminal is
    table = Table(*(Column(name.replace("_", " "), overflow="fold", no_wrap=name.endswith("id")) for name in columns), box=None)
    for row in rows:
        table.add_row(*(escape(_words(row[name])) for name in columns))
    Console().print(table)


def _plain(fact: object) -> object:
    if isinstance(fact, datetime):
        return fact.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return fact


def _words(fact: object) -> str:
    if fact is None:
        return ""
    if isinstance(fact, datetime):
        return f"{fact.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, float):
        return f"{fact:g}"
    # users choose many of these texts, and a terminal obeys some
    return printable(", ".join(fact) if isinstance(fact, list | tuple) else str(fact))
