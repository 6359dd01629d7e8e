"""``qpu-bridge token``: who may come in."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from qpu_bridge.cli.account import save
from qpu_bridge.cli.rack import RackOption, open_store, rack_option, read_rack, running_url, url_of
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import os_user

app = typer.Typer(help="Make, list and take back the tokens with which users come in.", no_args_is_help=True)


@app.command()
def create(
    user: Annotated[str, typer.Argument(help="Whose jobs they will be; who is not there yet is made, an ordinary user.")],
    instance: Annotated[
        str | None,
        typer.Option(
            help="The one instance that it opens; the user joins it if need be. Default: all instances of the user.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(
            help="It ends by itself after so many days. Default: as the rack file says, else never.", show_default=False
        ),
    ] = None,
    rack: RackOption = None,
    keep: Annotated[bool, typer.Option("--save", help="Also keep it for `qpu-bridge env` and `run` of this account.")] = False,
) -> None:
    """Make a token and print it: this is the only time that it can be seen, for only its hash is kept.

    \b
      qpu-bridge token create ada
      qpu-bridge token create ada --instance physics --days 90
      export QPU_BRIDGE_TOKEN=$(qpu-bridge token create ada)
    """
    known = read_rack(rack)
    url = url_of(known) if keep else ""
    store = open_store(known)
    token = store.tokens.create(user, instance, days=known.bridge.token_days if days is None else days, actor=os_user())
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
def show(
    user: Annotated[str | None, typer.Argument(help="Only this user's.", show_default=False)] = None,
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tokens; their secrets cannot be shown."""
    store = open_store(read_rack(rack))
    rows = [
        {
            "id": token.id,
            "user": token.user,
            "instance": token.instance or "all",
            "created": token.created,
            "last_used": token.last_used,
            "expires": token.expires,
            "taken_back": token.revoked,
        }
        for token in store.tokens.all(user)
    ]
    store.close()
    show_rows(rows, ("id", "user", "instance", "created", "last_used", "expires", "taken_back"), as_json=as_json)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as `qpu-bridge token list` shows it.")], rack: RackOption = None
) -> None:
    """Take a token back: at once nobody comes in with it."""
    store = open_store(read_rack(rack))
    store.tokens.revoke(token, actor=os_user())
    store.close()
