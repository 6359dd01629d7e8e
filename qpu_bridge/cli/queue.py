"""``qpu-bridge queue``: what stands before a device, and who goes first."""

from __future__ import annotations

from typing import Annotated

import typer

from qpu_bridge.cli.rack import RackOption, open_store, read_rack, require_device
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import Owner, os_user
from qpu_bridge.jobs.line import line_of

app = typer.Typer(
    help="""Show and reorder what waits for a device.

    \b
      qpu-bridge queue show emu_five
      qpu-bridge queue first 3f2a9c... --priority 10
      qpu-bridge queue user ada lab --priority -5
    """,
    no_args_is_help=True,
)

PriorityOption = Annotated[int, typer.Option(help="Higher goes first; everybody's is 0.")]
COLUMNS = ("job", "state", "user", "instance", "priority", "program", "session", "estimate_s", "created", "next")


@app.command()
def show(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its name in the rack.")],
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the first 200 jobs before a device; between users fair share decides, when a job may start."""
    store = open_store(require_device(read_rack(rack), device))
    line = line_of(store, device)
    store.close()
    rows = [
        {
            "job": job.id,
            "state": job.state,
            "user": job.owner.user,
            "instance": job.owner.instance,
            "priority": job.priority,
            "program": job.program_id,
            "session": job.session_id,
            "estimate_s": job.estimate_s,
            "created": job.created,
            "next": job.id == line.first,
        }
        for job in line.jobs
    ]
    show_rows(rows, COLUMNS, as_json=as_json)


@app.command()
def first(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the beginning of it.")],
    priority: PriorityOption = 1,
    rack: RackOption = None,
) -> None:
    """Put a queued job before others, or with a negative priority behind them."""
    store = open_store(read_rack(rack))
    store.priorities.set_job(store.job_named(job).id, priority, actor=os_user())
    store.close()


@app.command()
def user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The user.")],
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="In which instance.")],
    priority: PriorityOption = 1,
    rack: RackOption = None,
) -> None:
    """Put all jobs of a user, those that wait and those to come, before or behind those of others."""
    store = open_store(read_rack(rack))
    store.users.require_member(instance, name)
    store.priorities.set_owner(Owner(name, instance), priority, actor=os_user())
    store.close()
