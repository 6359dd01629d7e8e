"""The bench: a device, what is believed of it, and routines that change that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from qpu_bridge.errors import ScheduleError, SettingsError
from qpu_bridge.execution import Execution
from qpu_bridge.jobs.audit import os_user
from qpu_bridge.schedule.check import check_once, check_table
from qpu_bridge.target import Snapshot
from qpu_bridge.target.check import faults
from qpu_bridge.target.versions import Versions
from qpu_calibration.archive import Archive, Passes
from qpu_calibration.draft import Draft, published
from qpu_calibration.fit import ROUTINE_ERRORS, Fit, bad, error_sentence
from qpu_calibration.guard import refusal
from qpu_calibration.measure import measure
from qpu_calibration.page import Target
from qpu_calibration.plan import Plan
from qpu_calibration.routine import Routine, Settings


class Crowded(SettingsError):
    """Targets that the device can play for one by one, but not all together."""


@dataclass(frozen=True)
class Outcome:
    """What a routine did.

    Attributes:
        routine: Its name.
        fits: The last one of each target.
        changed: Targets whose numbers in the snapshot are others now.
        refused: Target -> why nothing of it was changed.
        passes: Data and fits of each pass; ``routine.plot(*pass)`` draws them.
        run: Where the raw data are, empty where nothing is kept.
    """

    routine: str
    fits: Mapping[Target, Fit]
    changed: tuple[Target, ...]
    refused: Mapping[Target, str]
    passes: Passes = field(repr=False, default=())
    run: str = ""


@dataclass
class Bench:
    """Runs routines on a device.

    Attributes:
        execution: The road to the device, as for a job.
        snapshot: What is believed at this moment.
        versions: Where new snapshots go; None keeps them in memory only.
        archive: Where raw data go; None keeps none.
        seed: For simulated devices; it counts on from run to run.
        operator: Who asked for it.
        cancelled: Asked while the device is busy; True stops it.
        told: Told of each schedule that is done: routine, targets, how many of how many.
        figures: Whether figures are drawn for the archive.
        shots: Played so far.
        holds: Whether changes wait for `publish`, which makes one version of them; else each is one at once.
        drafts: Those that wait.
    """

    execution: Execution
    snapshot: Snapshot
    versions: Versions | None = None
    archive: Archive | None = None
    seed: int | None = None
    operator: str = field(default_factory=os_user)
    cancelled: Callable[[], bool] | None = None
    told: Callable[[str, Sequence[Target], int, int], None] | None = None
    figures: bool = True
    shots: int = 0
    holds: bool = False
    drafts: list[Draft] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.versions is not None:
            self.snapshot = self.versions.found(self.snapshot)

    def run(self, routine: Routine[Any], targets: Sequence[Target], settings: Settings | None = None) -> Outcome:
        """Plan, measure, fit, update: on targets that may be measured side by side.

        What no good fit was made of, or what the guard refuses, keeps its numbers. The others make one new version together.

        Raises:
            Cancelled: If somebody wanted the device back.
            Crowded: If there are too many targets for one schedule.
        """
        believed, refused = self.snapshot, dict[Target, str]()
        fits: dict[Target, Fit] = {}
        left = list(targets)
        passes: list[tuple[xr.Dataset, tuple[Fit, ...]]] = []
        for step in routine.passes(settings or routine.settings):
            if not left:
                break
            plan, cannot = self._plan(routine, left, step, believed)
            refused |= cannot
            fits |= {target: _unplayed(target, reason) for target, reason in cannot.items()}
            left = [target for target in left if target not in cannot]
            if plan is None:
                break
            data, found = self._look(routine, plan, step, believed)
            passes.append((data, found))
            fits |= {fit.target: fit for fit in found}
            believed, reasons = self._taken(routine, believed, found)
            refused |= reasons
            left = [target for target in left if target not in refused]
        # a pass that went wrong takes back what the passes before it had found of its target
        believed = self._again(routine, passes, refused) if refused else believed
        if believed.timing != self.snapshot.timing:
            # a wait between shots never shrinks: the last pass says it, not a rough one before
            believed = believed.model_copy(update={"timing": self._again(routine, passes[-1:], refused).timing})
        if believed is not self.snapshot and (wrong := faults(believed)):
            refused |= dict.fromkeys(left, "; ".join(wrong))
            believed = self.snapshot
        run = self._kept(routine, passes)
        changed = tuple(t for t in targets if t not in refused) if believed is not self.snapshot else ()
        if changed:
            self._adopt(believed, Draft(self.snapshot, routine.name, changed, tuple(fits[target] for target in changed), run))
        return Outcome(routine.name, fits, changed, refused, tuple(passes), run)

    def look(self, routine: Routine[Any], targets: Sequence[Target], settings: Settings | None = None) -> tuple[Fit, ...]:
        """Measure and fit only: a short look (`Routine.brief`) that changes nothing.

        Returns:
            One fit per target; a bad one, not `played`, for what the device cannot play.

        Raises:
            Cancelled: If somebody wanted the device back.
            Crowded: If there are too many targets for one schedule.
        """
        return self._seen(routine, targets, settings or routine.brief(routine.settings))[0]

    def mend(self, routine: Routine[Any], targets: Sequence[Target], worth: Callable[[Fit], bool]) -> Outcome:
        """Look, and take what is found into the snapshot where that is worth it, as one new version.

        Args:
            routine: Which.
            targets: Of what; they may be measured side by side.
            worth: Asked of each good fit.

        Returns:
            Fits as of `look`, and what of them was taken; nothing is refused, and passes are not kept.

        Raises:
            Cancelled: If somebody wanted the device back.
            Crowded: If there are too many targets for one schedule.
        """
        fits, seen = self._seen(routine, targets, routine.brief(routine.settings))
        believed, taken = self.snapshot, []
        for fit in fits:
            if fit.good and worth(fit):
                before = believed
                believed, _ = self._taken(routine, believed, [fit])
                taken += [fit.target] if believed is not before else []
        every = {fit.target: fit for fit in fits}
        if not taken or faults(believed):
            return Outcome(routine.name, every, (), {})
        run = self._kept(routine, seen)
        theirs = tuple(fit for fit in fits if fit.target in taken)
        self._adopt(believed, Draft(self.snapshot, routine.name, tuple(taken), theirs, run))
        return Outcome(routine.name, every, tuple(taken), {}, run=run)

    def adopt(self, snapshot: Snapshot, routine: str, targets: Sequence[Target], reason: str) -> None:
        """Make a snapshot that no fit speaks for the one in use.

        Args:
            snapshot: Made from the one in use.
            routine: What made it.
            targets: Whose numbers are others.
            reason: Why, in one line.
        """
        self._adopt(snapshot, Draft(self.snapshot, routine, tuple(targets), reason=reason))

    def publish(self) -> None:
        """Make one version of all that waits: users have it whole or not at all.

        Raises:
            SettingsError: If somebody else has put another version in use meanwhile.
        """
        drafts, self.drafts = self.drafts, []
        if drafts and self.versions is not None:
            self.snapshot = published(self.versions, self.snapshot, drafts, self.operator)

    def forget(self) -> None:
        """Believe again what is in use."""
        if self.drafts:
            self.snapshot = self.drafts[0].before
            self.drafts.clear()

    def overtaken(self) -> bool:
        """Whether somebody else has put another version in use meanwhile."""
        current = None if self.versions is None else self.versions.current()
        return current is not None and current.calibration_id != self.snapshot.calibration_id

    def _seen(
        self, routine: Routine[Any], targets: Sequence[Target], step: Settings
    ) -> tuple[tuple[Fit, ...], list[tuple[xr.Dataset, tuple[Fit, ...]]]]:
        """One fit per target, and what was measured for them, if anything was."""
        plan, cannot = self._plan(routine, targets, step, self.snapshot)
        found = {target: _unplayed(target, reason) for target, reason in cannot.items()}
        seen = []
        if plan is not None:
            data, fits = self._look(routine, plan, step, self.snapshot)
            seen.append((data, fits))
            found |= {fit.target: fit for fit in fits}
        return tuple(found[target] for target in targets), seen

    def _look(
        self, routine: Routine[Any], plan: Plan, settings: Settings, snapshot: Snapshot
    ) -> tuple[xr.Dataset, tuple[Fit, ...]]:
        told = self.told

        def progress(done: int, of: int) -> None:
            if told is not None:
                told(routine.name, plan.targets, done, of)

        data = measure(plan, snapshot, self.execution, seed=self.seed, cancelled=self.cancelled, progress=progress)
        self.shots += sum(plan.shots * len(table) for _, table in plan.schedules)
        if self.seed is not None:
            self.seed = (self.seed + len(plan.schedules)) % 2**63
        data = data.assign_attrs(routine=routine.name, settings=settings.model_dump_json())
        return data, routine.fit(data)

    def _plan(
        self, routine: Routine[Any], targets: Sequence[Target], settings: Settings, snapshot: Snapshot
    ) -> tuple[Plan | None, dict[Target, str]]:
        """A plan for the targets that the device can play for, and why it cannot for the others: they must not stop anybody."""
        limits = self.execution.capabilities.limits
        try:
            plan = routine.plan(snapshot, targets, settings, limits)
            for schedule, table in plan.schedules:
                check_once(schedule, limits)
                check_table(schedule, table, limits)
        except (ScheduleError, SettingsError) as error:
            if len(targets) == 1:
                return None, {targets[0]: error.sentence}
            alone = [self._plan(routine, [target], settings, snapshot)[1] for target in targets]
            cannot = {target: reason for one in alone for target, reason in one.items()}
            if not cannot:
                raise Crowded(error.must, given=error.given, where=error.where) from error
            left = [target for target in targets if target not in cannot]
            # the others may still be too many
            return (self._plan(routine, left, settings, snapshot)[0] if left else None), cannot
        return plan, {}

    def _taken(self, routine: Routine[Any], snapshot: Snapshot, fits: Sequence[Fit]) -> tuple[Snapshot, dict[Target, str]]:
        """The snapshot after some fits, and why it does not have the numbers of those that it does not have."""
        after, refused = snapshot, {fit.target: fit.reason for fit in fits if not fit.good}
        for fit in (fit for fit in fits if fit.good):
            try:
                after = routine.update(after, fit)
            except (ScheduleError, SettingsError) as error:
                refused[fit.target] = error.sentence
            except ROUTINE_ERRORS as error:
                refused[fit.target] = error_sentence(error, "the update must be able to use what was found")
        reason = refusal(snapshot, after, self.execution.capabilities.limits)
        if reason and len(fits) == 1:
            return snapshot, {fits[0].target: reason}
        if reason:
            # whose number it is shows one by one
            for fit in fits:
                snapshot, own = self._taken(routine, snapshot, [fit])
                refused |= own
            return snapshot, refused
        return after, refused

    def _kept(self, routine: Routine[Any], passes: Passes) -> str:
        """Where the raw data are, empty if nothing is kept."""
        if self.archive is None or not passes:
            return ""
        return self.archive.keep(routine.name, passes, routine.plot if self.figures else None)

    def _again(self, routine: Routine[Any], passes: Passes, refused: Mapping[Target, str]) -> Snapshot:
        believed = self.snapshot
        for _, found in passes:
            believed, _ = self._taken(routine, believed, [fit for fit in found if fit.target not in refused])
        return believed

    def _adopt(self, believed: Snapshot, draft: Draft) -> None:
        self.snapshot = believed
        self.drafts.append(draft)
        if not self.holds:
            self.publish()


def _unplayed(target: Target, reason: str) -> Fit:
    return bad(reason).model_copy(update={"target": target, "played": False})
