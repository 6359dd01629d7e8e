"""``qpu-bridge jobs``: what was asked of the devices, for whoever runs the bridge."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.jobs import Filter, State

app = typer.Typer(
    help="""List, show and cancel jobs of all users.

    \b
      qpu-bridge jobs list --pending
      qpu-bridge jobs show 3f2a9c...
      qpu-bridge jobs cancel 3f2a9c...
    """,
    no_args_is_help=True,
)

COLOUR = {
    State.QUEUED: "yellow",
    State.RUNNING: "blue",
    State.COMPLETED: "green",
    State.FAILED: "red",
    State.CANCELLED: "magenta",
}
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Its id.")]


@app.command("list")
def show_all(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    pending: Annotated[bool, typer.Option("--pending", help="Only jobs that wait or run.")] = False,
    device: Annotated[str | None, typer.Option(help="Only jobs of this device.")] = None,
    rack: RackOption = None,
) -> None:
    """List jobs, newest first."""
    store = open_store(read_rack(rack))
    page = store.page(Filter(owner=None, limit=limit, backend=device, pending=True if pending else None))
    store.close()
    table = Table(
        Column("job", no_wrap=True),
        "state",
        "program",
        "device",
        "user",
        "created (UTC)",
        "device time",
        Column("why", min_width=30, overflow="fold"),
    )
    for job in page.jobs:
        table.add_row(
            job.id,
            f"[{COLOUR[job.state]}]{job.state}[/]",
            job.program_id,
            job.backend,
            job.owner.user,
            f"{job.created:%Y-%m-%d %H:%M:%S}",
            f"{job.usage_s:.3f} s",
            job.reason or "",
        )
    Console().print(table)


@app.command()
def show(job: JobArgument, rack: RackOption = None) -> None:
    """Show one job and its log."""
    store = open_store(read_rack(rack))
    found = store.job(job)
    lines = store.log_lines(found)
    store.close()
    table = Table(show_header=False)
    facts = {
        "job": found.id,
        "state": found.state,
        "why": found.reason,
        "code": found.reason_code,
        "what to do": found.solution,
        "program": found.program_id,
        "device": found.backend,
        "user": f"{found.owner.user} in {found.owner.instance}",
        "tags": ", ".join(found.tags),
        "created": found.created,
        "running": found.running,
        "finished": found.finished,
        "attempts": found.attempts,
        "device time": f"{found.usage_s:.6f} s",
    }
    for name, fact in facts.items():
        if fact not in (None, ""):
            table.add_row(name, str(fact))
    console = Console()
    console.print(table)
    for at, level, text in lines:
        console.print(f"{at:%H:%M:%S.%f} {level:8} {text}", markup=False, highlight=False)


@app.command()
def cancel(job: JobArgument, rack: RackOption = None) -> None:
    """Cancel a job: a waiting one ends at once, a running one as soon as its device is silent."""
    store = open_store(read_rack(rack))
    state = store.cancel(job).state
    store.close()
    typer.echo(f"{job}: {'asked to stop' if state is State.RUNNING else state}")
