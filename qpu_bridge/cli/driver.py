"""``qpu-bridge driver``: a process that holds one driver and answers for it over ZeroMQ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from qpu_bridge import transport
from qpu_bridge.cli.findings import look
from qpu_bridge.cli.journal import keep_journal, say
from qpu_bridge.cli.private import keep_private
from qpu_bridge.errors import SettingsError
from qpu_bridge.target.versions import Versions


def driver(
    name: Annotated[str, typer.Argument(help="An installed driver; `qpu-bridge devices` lists them.")],
    endpoint: Annotated[
        str | None,
        typer.Option(help="Where to listen: ipc://PATH or tcp://HOST:PORT (and the port after it).", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="Name of the device in the bridge's rack.")] = "emu_five",
    snapshot: Annotated[str, typer.Option(help="A built-in snapshot, or a file.")] = "five",
    versions: Annotated[
        Path | None,
        typer.Option(help="Folder of the device's calibration: the numbers in use there come first.", show_default=False),
    ] = None,
    options: Annotated[
        str, typer.Option(help="What the driver wants to know, as a JSON object. Others on this machine can see it.")
    ] = "{}",
    options_file: Annotated[
        Path | None, typer.Option(help="A file with that JSON object, for what others must not see.", show_default=False)
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="This driver's secret key file; needed when others than this machine reach it.", show_default=False),
    ] = None,
    allow: Annotated[
        list[Path] | None, typer.Option(help="Public key file of a bridge that may use it; repeat for more.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Play nothing: look at the instruments, and say what is wrong.")] = False,
    rack: Annotated[
        Path | None,
        typer.Option(
            "--rack", "-r", help="With --check: snapshot and options of the device from this rack file.", show_default=False
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Run one driver in a process of its own. The bridge starts those of its own machine; start others by hand.

    \b
    On the machine beside the instruments, for a bridge elsewhere:
      qpu-bridge keys instruments
      qpu-bridge driver loopback --device lab_one --endpoint tcp://10.0.0.5:7300 \\
          --key instruments.key_secret --allow bridge.key
    \b
    Before that, and whenever something is odd (exit code 1 if something is wrong):
      qpu-bridge driver qblox --check --rack lab.toml --device lab_one
    """
    keep_private()
    keep_journal(verbose, part="driver", device=device)
    known = _object(options if options_file is None else _text(options_file))
    if check:
        raise typer.Exit(look(name, device, snapshot, known, rack))
    if endpoint is None:
        raise SettingsError("a driver that serves must have an endpoint", given="none", remedy="Give --endpoint, or --check.")
    if rack is not None:
        raise SettingsError(
            "a rack file is for --check", given=str(rack), remedy="A driver that serves takes --snapshot and --options."
        )
    transport.serve_driver(
        name, device, lambda: _in_use(versions) or snapshot, known, endpoint, keys=_keys(key, allow or []), say=say
    )


def keys(
    name: Annotated[str, typer.Argument(help="Who they belong to, for example `bridge` or `instruments`.")],
    folder: Annotated[Path, typer.Option(help="Where to write them.")] = Path(),
) -> None:
    """Draw a pair of keys for a driver on another machine: NAME.key is for the other side, NAME.key_secret for nobody."""
    public, secret = transport.make_keys(folder, name)
    typer.echo(f"{public}: give this one to the other side\n{secret}: keep this one")


def _in_use(versions: Path | None) -> str | None:
    """File of the snapshot in use. Asked at each start: a driver that comes back after a calibration has its numbers."""
    path = None if versions is None else Versions(versions).path
    return None if path is None else str(path)


def _keys(key: Path | None, allow: list[Path]) -> transport.ServerKeys | None:
    if key is None:
        if allow:
            raise SettingsError("a driver that allows certain bridges must have a key of its own", remedy="Give --key.")
        return None
    return transport.ServerKeys(transport.read_pair(key), frozenset(transport.read_public(path) for path in allow))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("the file of the driver's options must be readable", given=str(error), where=str(path)) from None


def _object(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SettingsError("the driver's options must be JSON", given=str(error)) from None
    if not isinstance(document, dict):
        raise SettingsError("the driver's options must be a JSON object", given=type(document).__name__)
    return document
