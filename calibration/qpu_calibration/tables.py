"""Tables for the terminal: what changed, what was looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.table import Column, Table

from qpu_calibration.conduct import Entry
from qpu_calibration.fit import Fit
from qpu_calibration.graph import target_name
from qpu_calibration.numbers import Change
from qpu_calibration.picture import format_number
from qpu_calibration.step import Verdict

COLOUR = {Verdict.GOOD: "green", Verdict.OFF: "yellow", Verdict.MENDED: "green", Verdict.BAD: "red", Verdict.BARRED: "yellow"}


def changes(found: Sequence[Change], fits: Iterable[Fit] = ()) -> Table:
    """What differs, before and after, with the standard errors of the fits that found it."""
    known = list(fits)[::-1]
    heads = ("target", "number", "before", "after", "change")
    table = Table(*(Column(head, overflow="fold") for head in heads), box=None)
    for change in found:
        error = _error(change, known)
        before = "" if change.before is None else format_number(change.before, 0.0, change.unit)
        after = "" if change.after is None else format_number(change.after, error, change.unit)
        table.add_row(target_name(change.target), change.name, before, after, _step(change))
    return table


def findings(entries: Iterable[Entry]) -> Table:
    """What looks have found: the state of each node, and by how much it deviates of what is tolerated."""
    table = Table(*(Column(head, overflow="fold") for head in ("routine", "target", "state", "deviation", "")), box=None)
    words = {Verdict.GOOD: "in specification", Verdict.OFF: "off", Verdict.BAD: "not understood", Verdict.BARRED: "not played"}
    for entry in entries:
        for target, one in entry.findings.items():
            deviation = entry.deviations.get(target)
            table.add_row(
                entry.routine,
                target_name(target),
                f"[{COLOUR[one.verdict]}]{words[one.verdict]}[/]",
                "" if deviation is None else f"{deviation:.2f}",
                one.reason or one.complaint,
            )
    return table


def _error(change: Change, fits: Sequence[Fit]) -> float:
    """The error of the newest parameter that has just this value; 0 if there is none."""
    if change.after is None:
        return 0.0
    for fit in fits:
        if set(fit.target) & set(change.target):
            for number in fit.parameters.values():
                # snapshots round, by at most half of the sixth decimal of numbers of order one
                if number.unit in (change.unit, "") and math.isclose(
                    number.value, change.after, rel_tol=1e-10, abs_tol=_rounding(change)
                ):
                    return number.error
    return 0.0


def _rounding(change: Change) -> float:
    return {"Hz": 0.06, "s": 1e-10}.get(change.unit, 6e-7)


def _step(change: Change) -> str:
    if change.before is None or change.after is None:
        return "new" if change.before is None else "gone"
    step = change.after - change.before
    if change.unit in ("Hz", "s", "rad") or not change.before:
        return f"{'+' if step > 0 else ''}{format_number(step, 0.0, change.unit)}"
    return f"{100 * step / abs(change.before):+.3g} %"
