"""A calibration at the terminal: progress while it runs, tables when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from qpu_bridge.cli.connection import Connection
from qpu_bridge.lasting import lasting
from qpu_bridge.target import Snapshot
from qpu_calibration import device
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import Entry, conduct
from qpu_calibration.decide import blocked, inspect, maintain
from qpu_calibration.figures import Figures
from qpu_calibration.graph import Graph, Node, target_name, target_names
from qpu_calibration.ledger import Ledger
from qpu_calibration.numbers import diff
from qpu_calibration.page import Target
from qpu_calibration.request import CalibrationRequest
from qpu_calibration.shelf import Shelf
from qpu_calibration.step import Action, Step, Verdict
from qpu_calibration.tables import COLOUR, changes, findings

COLUMNS = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
"""Of the line that shows how far it is."""
DOING = {Action.LOOK: "looking at", Action.CALIBRATE: "calibrating"}


def calibrate_here(
    shelf: Shelf, request: CalibrationRequest, arrived: Callable[[], Connection], cancelled: Callable[[], bool]
) -> bool:
    """Calibrate where no bridge runs, and show it.

    Args:
        shelf: Of the device.
        request: What to calibrate.
        arrived: Lets the driver's process begin, and waits for it (`connection.coming_up`).
        cancelled: Asked again and again; True stops the device.

    Returns:
        Whether all that was wanted is in specification.

    Raises:
        SettingsError: If the device has no such routine, qubit or coupler.
        OperatorError: As `device.bench`.
        Cancelled: If it was stopped.
    """
    with lasting():
        # all routines are imported
        graph = Graph.of(shelf.current())
    wanted = graph.nodes(None if request.routine == "all" else request.routine, request.qubits, request.couplers)
    with Figures() as drawn:
        figures = drawn if request.figures and not request.check else None
        try:
            with device.bench(shelf, arrived, seed=request.seed, cancelled=cancelled, figures=figures) as one:
                return _calibrate(one, graph, shelf.ledger(), wanted, request)
        finally:
            # when the device is free again
            finish_in_terminal(drawn, cancelled)


def _calibrate(bench: Bench, graph: Graph, ledger: Ledger, wanted: Sequence[Node], request: CalibrationRequest) -> bool:
    console = Console(highlight=False)
    # a driver of one's own has just started, and its clock may have, too
    ledger.restarted()
    before = bench.snapshot
    if request.check:
        steps = inspect(graph, ledger, wanted)
    else:
        steps = maintain(graph, ledger, wanted, force=request.force, trust=request.trust)
    entries = []
    with Progress(*COLUMNS, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        doing = ""

        def begins(step: Step) -> None:
            nonlocal doing
            doing = DOING[step.action]

        def told(routine: str, targets: Sequence[Target], done: int, of: int) -> None:
            # two groups are under way: this one is played
            progress.update(task, description=f"{doing} {routine} of {target_names(targets)}", completed=done, total=of)

        bench.told = told
        for entry in conduct(bench, graph, ledger, steps, begins):
            entries.append(entry)
            _say(progress.console, entry)
    if request.check:
        console.print(findings(entries))
    else:
        _changed(console, bench, before, entries)
    waiting = blocked(graph, ledger, wanted)
    for node, reason in waiting.items():
        console.print(f"[yellow]skipped[/] {node}: {escape(reason)}", soft_wrap=True)
    for target, reason in ledger.flagged.items():
        console.print(f"[red]not operational[/] {target_name(target)}: {escape(reason)}", soft_wrap=True)
    shots = sum(entry.shots for entry in entries)
    device_s = sum(entry.device_s for entry in entries)
    console.print(f"{len(entries)} measurements, {shots:,} shots, {device_s:.0f} s of device time", style="dim")
    return not waiting and all(ledger.fresh(graph, node) for node in wanted)


def finish_in_terminal(figures: Figures, cancelled: Callable[[], bool]) -> None:
    """Wait for the last figures, and show how far they are; say how many there will not be, if it is cancelled."""
    if not figures.finish(lambda: True):
        return
    console = Console(highlight=False)
    with Progress(*COLUMNS, console=console, transient=True) as progress:
        task = progress.add_task("drawing the last figures", total=None)
        left = figures.finish(cancelled, lambda done, of: progress.update(task, completed=done, total=of))
    if left:
        console.print(f"{left} {'figure is' if left == 1 else 'figures are'} left out; `qpu-bridge calibration draw` draws them")


def _changed(console: Console, bench: Bench, before: Snapshot, entries: Sequence[Entry]) -> None:
    found = diff(before, bench.snapshot)
    if not entries:
        console.print("all is in specification; nothing was measured")
    elif found:
        console.print(changes(found, [fit for entry in entries for fit in entry.fits.values() if fit.good]))
        console.print(f"in use: {bench.snapshot.calibration_id}", soft_wrap=True)
    else:
        console.print("no number changed")


def _say(console: Console, entry: Entry) -> None:
    for verdict in Verdict:
        targets = [target for target, one in entry.findings.items() if one.verdict is verdict]
        if targets and verdict not in (Verdict.BAD, Verdict.BARRED):
            console.print(f"[{COLOUR[verdict]}]{verdict:>6}[/] {entry.action} {entry.routine} of {target_names(targets)}")
    for target, one in entry.findings.items():
        if one.reason or one.complaint:
            colour = COLOUR[one.verdict] if one.reason else "yellow"
            word, words = one.verdict if one.reason else "but", escape(one.reason or one.complaint)
            console.print(
                f"[{colour}]{word:>6}[/] {entry.action} {entry.routine} of {target_name(target)}: {words}",
                soft_wrap=True,
            )
