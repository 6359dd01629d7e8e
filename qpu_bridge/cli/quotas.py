"""``qpu-bridge quota``: how much users and instances may have."""

from __future__ import annotations

from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import Owner, os_user

app = typer.Typer(
    help="""Limit waiting jobs and device time.

    Of users and of instances; device time counts in 28 days.

    \b
      qpu-bridge quota show
      qpu-bridge quota set lab --seconds 36000
      qpu-bridge quota set lab --user ada --seconds 3600 --jobs 50
      qpu-bridge quota set lab --user ada                   (again as the rack file says)
    """,
    no_args_is_help=True,
)

InstanceArgument = Annotated[str, typer.Argument(metavar="INSTANCE", help="The instance.")]
UserOption = Annotated[str | None, typer.Option(help="Of this user in the instance. Default: the instance as a whole.")]


@app.command("set")
def change(
    instance: InstanceArgument,
    user: UserOption = None,
    seconds: Annotated[float | None, typer.Option(help="Device time in 28 days, s. Default: as the rack file says.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Jobs that wait or run. Default: as the rack file says.")] = None,
    rack: RackOption = None,
) -> None:
    """Give a user, or a whole instance, a quota of their own."""
    store = open_store(read_rack(rack))
    store.users.require_member(instance, user)
    store.quotas.set(instance, user, pending_jobs=jobs, seconds=seconds, actor=os_user())
    store.close()


@app.command()
def show(rack: RackOption = None, as_json: JsonOption = False) -> None:
    """Show what everybody and each instance may have, and has used in the last 28 days."""
    store = open_store(read_rack(rack))
    people = [(instance, user.name) for user in store.users.all() for instance in user.instances]
    owners = [(instance, None) for instance in sorted({instance for instance, _ in people})] + sorted(people)
    rows = []
    for instance, user in owners:
        quota = store.quotas.quota(instance, user)
        mine, everybodys = store.quotas.balances(Owner(user or "", instance))
        rows.append(
            {
                "instance": instance,
                "user": user or "",
                "used_seconds": (mine if user else everybodys).used_s,
                "seconds": quota.seconds,
                "jobs": quota.pending_jobs,
            }
        )
    store.close()
    show_rows(rows, ("instance", "user", "used_seconds", "seconds", "jobs"), as_json=as_json)
