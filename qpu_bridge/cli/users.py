"""``qpu-bridge user``: people, what they may do, and where they work."""

from __future__ import annotations

from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import DEFAULT_INSTANCE, Role, os_user

app = typer.Typer(
    help="""Add, list and shut out users.

    What they may do is their role; where they work are their instances (projects).

    \b
      qpu-bridge user add ada
      qpu-bridge user add grace --role administrator
      qpu-bridge user join ada physics
      qpu-bridge user disable ada
    """,
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
RoleOption = Annotated[
    Role,
    typer.Option(
        help="user: their own jobs; administrator: also everybody's, people, limits, devices; monitor: sees it, changes nothing"
    ),
]


@app.command()
def add(
    name: NameArgument,
    role: RoleOption = Role.USER,
    instance: Annotated[list[str] | None, typer.Option(help="Where they work; may be given again.", show_default="lab")] = None,
    rack: RackOption = None,
) -> None:
    """Add a user; `qpu-bridge token create NAME` lets them in."""
    store = open_store(read_rack(rack))
    store.users.add(name, role, tuple(instance or (DEFAULT_INSTANCE,)), actor=os_user())
    store.close()


@app.command("list")
def show(rack: RackOption = None, as_json: JsonOption = False) -> None:
    """List the users."""
    store = open_store(read_rack(rack))
    rows = [
        {
            "user": user.name,
            "role": user.role,
            "instances": list(user.instances),
            "created": user.created,
            "disabled": user.disabled,
        }
        for user in store.users.all()
    ]
    store.close()
    show_rows(rows, ("user", "role", "instances", "created", "disabled"), as_json=as_json)


@app.command()
def role(
    name: NameArgument, role: Annotated[Role, typer.Argument(help="What they may do from now on.")], rack: RackOption = None
) -> None:
    """Let a user do more, or less, from their next request on."""
    store = open_store(read_rack(rack))
    store.users.set_role(name, role, actor=os_user())
    store.close()


@app.command()
def disable(name: NameArgument, rack: RackOption = None) -> None:
    """Shut a user out at once, with all their tokens. Their jobs stay, and those that wait are run."""
    store = open_store(read_rack(rack))
    store.users.disable(name, actor=os_user())
    store.close()


@app.command()
def enable(name: NameArgument, rack: RackOption = None) -> None:
    """Let a user in again, with the tokens that they had."""
    store = open_store(read_rack(rack))
    store.users.enable(name, actor=os_user())
    store.close()


@app.command()
def join(name: NameArgument, instance: Annotated[str, typer.Argument(help="The instance.")], rack: RackOption = None) -> None:
    """Let a user work in an instance too."""
    store = open_store(read_rack(rack))
    store.users.join(name, instance, actor=os_user())
    store.close()


@app.command()
def leave(name: NameArgument, instance: Annotated[str, typer.Argument(help="The instance.")], rack: RackOption = None) -> None:
    """Let a user no longer work in an instance."""
    store = open_store(read_rack(rack))
    store.users.leave(name, instance, actor=os_user())
    store.close()
