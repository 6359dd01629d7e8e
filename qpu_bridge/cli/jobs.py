"""``qpu-bridge jobs``: what was asked of the devices, for whoever runs the bridge."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from qpu_bridge.cli.rack import RackOption, open_store, read_rack
from qpu_bridge.cli.tabular import JsonOption
from qpu_bridge.cli.tabular import show as show_rows
from qpu_bridge.jobs import Filter, Job, State, os_user
from qpu_bridge.telemetry.logs import printable

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
COLUMNS = ("job", "state", "why", "program", "device", "user", "instance", "priority", "created", "finished", "device_time_s")
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Its id, or the beginning of it.")]


@app.command("list")
def show_all(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    pending: Annotated[bool, typer.Option("--pending", help="Only jobs that wait or run.")] = False,
    device: Annotated[str | None, typer.Option(help="Only jobs of this device.")] = None,
    user: Annotated[str | None, typer.Option(help="Only jobs of this user.")] = None,
    rack: RackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    store = open_store(read_rack(rack))
    page = store.page(Filter(owner=None, limit=limit, backend=device, pending=True if pending else None, user=user))
    store.close()
    if as_json:
        show_rows([_facts(job) for job in page.jobs], COLUMNS, as_json=True)
        return
    table = Table(
        Column("job", no_wrap=True),
        Column("state", no_wrap=True),
        Column("program", no_wrap=True),
        Column("device", overflow="fold"),
        Column("user", overflow="fold"),
        Column("created (UTC)", overflow="fold", min_width=10),
        Column("device time", overflow="fold"),
        box=None,
        collapse_padding=True,
    )
    reasons = Table(Column("job", no_wrap=True), Column("why", overflow="fold"), box=None)
    for job in page.jobs:
        table.add_row(
            job.id,
            f"[{COLOUR[job.state]}]{job.state}[/]",
            job.program_id,
            job.backend,
            escape(job.owner.user),
            f"{job.created:%Y-%m-%d %H:%M:%S}",
            f"{job.usage_s:.3f} s",
        )
        if job.reason:
            reasons.add_row(job.id, escape(printable(job.reason)))
    console = Console()
    console.print(table)
    if reasons.rows:
        # beside the rest there would be no room for sentences
        console.print()
        console.print(reasons)


@app.command()
def show(job: JobArgument, rack: RackOption = None) -> None:
    """Show one job and its log."""
    store = open_store(read_rack(rack))
    found = store.job_named(job)
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
            table.add_row(name, escape(printable(str(fact))))
    console = Console()
    console.print(table)
    for at, level, text in lines:
        # the level of every usual line would only alarm
        mark = "" if level == "WARNING" else f"{level} "
        console.print(f"{at:%H:%M:%S.%f} {mark}{printable(text)}", markup=False, highlight=False)


@app.command()
def cancel(job: JobArgument, rack: RackOption = None) -> None:
    """Cancel a job: a waiting one ends at once, a running one as soon as its device is silent."""
    store = open_store(read_rack(rack))
    found = store.cancel(store.job_named(job).id, actor=os_user())
    store.close()
    state = found.state
    typer.echo(f"{found.id}: {'asked to stop' if state is State.RUNNING else state}")


def _facts(job: Job) -> dict[str, object]:
    return {
        "job": job.id,
        "state": job.state,
        "why": job.reason,
        "program": job.program_id,
        "device": job.backend,
        "user": job.owner.user,
        "instance": job.owner.instance,
        "priority": job.priority,
        "created": job.created,
        "finished": job.finished,
        "device_time_s": job.usage_s,
    }
