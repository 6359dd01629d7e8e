"""``qpu-bridge token``: who may come in."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from qpu_bridge.cli.account import save
from qpu_bridge.cli.rack import RackOption, open_store, rack_option, read_rack, running_url, url_of
from qpu_bridge.jobs import DEFAULT_INSTANCE

app = typer.Typer(help="Make, list and take back the tokens with which users come in.", no_args_is_help=True)


@app.command()
def create(
    user: Annotated[str, typer.Argument(help="Whose jobs they will be.")],
    instance: Annotated[str, typer.Option(help="The instance that the user works in: users of one do not see another.")] = (
        DEFAULT_INSTANCE
    ),
    rack: RackOption = None,
    keep: Annotated[bool, typer.Option("--save", help="Also keep it for `qpu-bridge env` and `run` of this account.")] = False,
) -> None:
    """Make a token and print it: this is the only time that it can be seen, for only its hash is kept.

    \b
      qpu-bridge token create ada
      export QPU_BRIDGE_TOKEN=$(qpu-bridge token create ada)
    """
    known = read_rack(rack)
    url = url_of(known) if keep else ""
    store = open_store(known)
    token = store.tokens.create(user, instance)
    store.close()
    if keep:
        path = save(url, token)
        Console(stderr=True).print(f"kept in {path} for {url}", style="dim", highlight=False)
        if running_url(known) is None:
            folder = known.bridge.data_dir
            Console(stderr=True, soft_wrap=True).print(
                f"no bridge runs from {folder} now; start it with `qpu-bridge serve{rack_option(rack)}`,"
                " or name the rack of the one that you mean with --rack",
                style="yellow",
                highlight=False,
            )
    typer.echo(token)


@app.command("list")
def show(rack: RackOption = None) -> None:
    """List the tokens; their secrets cannot be shown."""
    store = open_store(read_rack(rack))
    table = Table("id", "user", "instance", "created", "taken back")
    for token in store.tokens.all():
        revoked = f"{token.revoked:%Y-%m-%d %H:%M} UTC" if token.revoked else ""
        table.add_row(token.id, token.owner.user, token.owner.instance, f"{token.created:%Y-%m-%d %H:%M} UTC", revoked)
    store.close()
    Console().print(table)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as `qpu-bridge token list` shows it.")], rack: RackOption = None
) -> None:
    """Take a token back: at once nobody comes in with it."""
    store = open_store(read_rack(rack))
    store.tokens.revoke(token)
    store.close()
