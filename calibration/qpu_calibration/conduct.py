"""Conducting: steps become measurements, in groups that do not disturb each other, and a log of what came of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.target import Snapshot
from qpu_calibration.alternate import Work, alternate
from qpu_calibration.bench import Bench, Outcome
from qpu_calibration.crowd import Crowded
from qpu_calibration.fit import ROUTINE_ERRORS, Fit
from qpu_calibration.flags import update_flags
from qpu_calibration.graph import Graph, Node, couplers
from qpu_calibration.groups import groups
from qpu_calibration.ledger import Ledger, Moment
from qpu_calibration.page import Target
from qpu_calibration.routine import Routine
from qpu_calibration.step import REPAIR_ERROR, Action, Finding, Stages, Step, Verdict
from qpu_calibration.strands import Results, Strands

EARLY_REPAIR = 0.4
"""From this deviation on, in units of what is tolerated, a look repairs what drifts (`Routine.restores`) if it is sure of it."""

DRIFT_ERROR = 1 / 2
"""A look is sure of a deviation of what is known to drift if its standard error is at most this share of it (two of them); of
others, if it is at most `REPAIR_ERROR` of it (three)."""


@dataclass(frozen=True)
class Entry:
    """One line of the log: what was done to some targets side by side, and what came of it.

    Attributes:
        action: What.
        routine: By which routine.
        findings: Target -> what came of it.
        fits: Target -> its last fit.
        deviations: Target -> how far from the snapshot a good look found it, in units of what is tolerated.
        run: Where the raw data are, empty where nothing is kept.
        shots: Played for it.
        device_s: Device time it took, s.
    """

    action: Action
    routine: str
    findings: dict[Target, Finding]
    fits: dict[Target, Fit]
    deviations: dict[Target, float]
    run: str
    shots: int
    device_s: float


def conduct(
    bench: Bench, graph: Graph, ledger: Ledger, stages: Stages, begins: Callable[[Step], None] | None = None
) -> Generator[Entry, None, None]:
    """Do steps, one entry per schedule's worth of targets.

    After each step (where several go on side by side: one of each) the ledger is written and what was found becomes a version.
    Targets that users must not have any more are flagged in another version (`flags.update_flags`); targets that are well again
    are given back at the end. While a fine number is replaced by a rough one (`Ledger.rough`) all of that waits: users keep the
    fine one until it is found again. A caller that leaves the iterator early leaves a ledger, numbers and flags that agree.

    Args:
        bench: On which to measure.
        graph: Of the device.
        ledger: What is known; its clock is set to the device's.
        stages: What to do, of `decide.maintain` or `decide.inspect`.
        begins: Told of the targets of each schedule before it is measured.

    Raises:
        Cancelled: If somebody wanted the device back.
    """
    # not what the device's clock says now: it may be playing for another step
    bench.device_ns = bench.execution.device_ns
    ledger.clock = lambda: Moment(utc=datetime.now(UTC), device_ns=bench.device_ns)
    bench.holds = True
    _same_numbers(bench, ledger)
    keep = partial(_keep, bench, graph, ledger, set(ledger.rough()))
    strands: Strands[Entry] | None = None
    try:
        for steps in stages:
            strands = Strands(steps, partial(_works, bench, graph, begins), keep)
            with closing(alternate(strands.more, bench)) as done:
                for entries in done:
                    yield from entries
        keep(round_is_over=True)
    except BaseException:
        # of steps that somebody interrupts, what was done counts
        if strands is not None:
            strands.stop()
        try:
            if not (bench.overtaken() or ledger.overtaken()):
                keep()
        finally:
            bench.forget()
            ledger.back()
        raise
    finally:
        bench.holds = False


def _same_numbers(bench: Bench, ledger: Ledger) -> None:
    """What others have put in use meanwhile (a rollback, an import) is looked at before it is trusted."""
    if ledger.calibration_id not in ("", bench.snapshot.calibration_id):
        ledger.doubt()


def _keep(bench: Bench, graph: Graph, ledger: Ledger, rough: Set[Node], *, round_is_over: bool = False) -> None:
    whole = round_is_over or not set(ledger.rough()) - rough
    if whole:
        # apart from the flags, so that a version says what was found
        bench.publish()
    update_flags(bench, graph, ledger, lower=round_is_over)
    if whole:
        bench.publish()
        ledger.calibration_id = bench.snapshot.calibration_id
        ledger.write()


def _works(bench: Bench, graph: Graph, begins: Callable[[Step], None] | None, step: Step) -> list[Work[Results[Entry]]]:
    routine = graph.routines[step.routine]
    parted = groups(couplers(bench.snapshot), step.targets, routine.apart)
    return [_group(bench, routine, step, group, begins) for group in parted]


def _group(
    bench: Bench, routine: Routine[Any], step: Step, group: Sequence[Target], begins: Callable[[Step], None] | None
) -> Work[Results[Entry]]:
    if begins is not None:
        begins(replace(step, targets=tuple(group)))
    try:
        look = step.action is Action.LOOK
        outcome, found, deviations = yield from _look(bench, routine, group, step) if look else _calibrate(bench, routine, group)
    except Crowded:
        # more lines or more power than the device has at a time
        half = len(group) // 2
        return Results(rest=tuple(_group(bench, routine, step, part, begins) for part in (group[:half], group[half:])))
    if outcome.waits:
        # shots begin in another state now
        found = {target: replace(one, affects_all=True) for target, one in found.items()}
    fits = dict(outcome.fits)
    return Results((Entry(step.action, step.routine, found, fits, deviations, outcome.run, outcome.shots, outcome.device_s),))


class _Done(NamedTuple):
    """What came of a step for a group; ``found`` and ``deviations`` as of `Entry`."""

    outcome: Outcome
    found: dict[Target, Finding]
    deviations: dict[Target, float]


def _look(bench: Bench, routine: Routine[Any], group: Sequence[Target], step: Step) -> Work[_Done]:
    before = bench.snapshot

    def worth(fit: Fit) -> bool:
        far, error = routine.deviation(before, fit), _deviation_error(before, routine, fit)
        if routine.tells:
            return far > 1 and error <= REPAIR_ERROR
        if far > 1:
            return error <= REPAIR_ERROR * far
        sure = DRIFT_ERROR if fit.target in step.drifting else REPAIR_ERROR
        return routine.restores and far > EARLY_REPAIR and error <= sure * far

    outcome = yield from bench.looking(routine, group, worth=worth if step.mend else None)
    found, deviations = {}, {}
    for target, fit in outcome.fits.items():
        if not fit.good:
            found[target] = _not_good(fit, fit.reason)
            continue
        deviations[target] = far = float(routine.deviation(before, fit))
        verdict = Verdict.MENDED if target in outcome.changed else Verdict.OFF if far > 1 else Verdict.GOOD
        error = _deviation_error(before, routine, fit)
        drifts = math.isfinite(error) and not routine.tells
        complaint = routine.complaint(bench.snapshot, fit)
        remark = routine.remark(bench.snapshot, fit)
        found[target] = Finding(verdict, remark, complaint, far if drifts else None, error if drifts else 0.0)
    return _Done(outcome, found, deviations)


def _deviation_error(snapshot: Snapshot, routine: Routine[Any], fit: Fit) -> float:
    try:
        return float(routine.deviation_error(snapshot, fit))
    except (ScheduleError, SettingsError, *ROUTINE_ERRORS):
        # what cannot be taken over must not end the work for the other targets
        return math.inf


def _calibrate(bench: Bench, routine: Routine[Any], group: Sequence[Target]) -> Work[_Done]:
    outcome = yield from bench.calibrating(routine, group)
    found = {}
    for target in group:
        fit, reason = outcome.fits[target], outcome.refused.get(target, "")
        if not reason or (fit.good and routine.deviation(bench.snapshot, fit) <= 1):
            # what must not be taken over need not be, where what is there holds as well
            said = reason or routine.remark(bench.snapshot, fit)
            found[target] = Finding(Verdict.GOOD, said, routine.complaint(bench.snapshot, fit))
        else:
            found[target] = _not_good(fit, reason)
    return _Done(outcome, found, {})


def _not_good(fit: Fit, reason: str) -> Finding:
    if fit.played:
        return Finding(Verdict.BAD, reason)
    return Finding(Verdict.BARRED, f"not played, since the device or its bounds in the rack file do not allow it: {reason}")
