"""The bench: a device, what is believed of it, and routines that change that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xarray as xr

from qpu_bridge.errors import OperatorError
from qpu_bridge.execution import Execution, Pieces
from qpu_bridge.jobs.audit import os_user
from qpu_bridge.schedule import Limits
from qpu_bridge.target import Snapshot
from qpu_bridge.target.check import faults
from qpu_bridge.target.versions import Versions
from qpu_calibration.alternate import Order, Played, Work, alone
from qpu_calibration.archive import Archive
from qpu_calibration.crowd import planned
from qpu_calibration.draft import Draft, published
from qpu_calibration.fit import Fit, bad
from qpu_calibration.measure import dataset, play, series
from qpu_calibration.page import Target
from qpu_calibration.plan import Plan
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.taking import again, taken


class Prepared(NamedTuple):
    """An order that the device plays in its turn.

    Attributes:
        order: What.
        pieces: What the device is asked for.
    """

    order: Order
    pieces: Pieces


class Look(NamedTuple):
    """What was measured at a time, and what it says.

    Attributes:
        data: What.
        fits: Of each target.
        shots: Played for it.
        device_s: Device time it took, s.
    """

    data: xr.Dataset
    fits: tuple[Fit, ...]
    shots: int
    device_s: float


@dataclass(frozen=True)
class Outcome:
    """What a routine did.

    Attributes:
        fits: The last one of each target.
        changed: Targets whose numbers in the snapshot are others now.
        refused: Target -> why nothing of it was changed.
        looks: One per pass.
        run: Where the raw data are, empty where nothing is kept.
        waits: Whether the wait between shots is another one now, for all.
    """

    fits: Mapping[Target, Fit]
    changed: tuple[Target, ...] = ()
    refused: Mapping[Target, str] = field(default_factory=dict)
    looks: tuple[Look, ...] = field(repr=False, default=())
    run: str = ""
    waits: bool = False

    @property
    def shots(self) -> int:
        """Played for it."""
        return sum(look.shots for look in self.looks)

    @property
    def device_s(self) -> float:
        """Device time it took, s."""
        return sum(look.device_s for look in self.looks)


@dataclass
class Bench:
    """Runs routines on a device.

    Attributes:
        execution: The road to the device, as for a job.
        snapshot: What is believed at this moment.
        versions: Where new snapshots go; None keeps them in memory only.
        archive: Where raw data go; None keeps none.
        seed: For simulated devices; it counts on from schedule to schedule.
        operator: Who asked for it.
        cancelled: Asked while the device is busy, again and again; True stops it.
        told: Told when a measurement begins, and of each schedule that is done: routine, targets, how many of how many.
        figures: Whether figures are drawn for the archive.
        shots: Played so far.
        device_ns: What the device's clock said when the last measurement was done that has been fitted, ns; None before any.
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
    device_ns: int | None = None
    holds: bool = False
    drafts: list[Draft] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.versions is not None:
            self.snapshot = self.versions.found(self.snapshot)

    def run(self, routine: Routine[Any], targets: Sequence[Target], settings: Settings | None = None) -> Outcome:
        """Do what `calibrating` says.

        Raises:
            Cancelled: If somebody wanted the device back.
            Crowded: If there are too many targets for one schedule.
        """
        return alone(self.calibrating(routine, targets, settings), self)

    def look(self, routine: Routine[Any], targets: Sequence[Target], settings: Settings | None = None) -> tuple[Fit, ...]:
        """Measure and fit only: a short look (`Routine.brief`) that changes nothing.

        Returns:
            One fit per target; a bad one, not `played`, for what the device cannot play.

        Raises:
            Cancelled: If somebody wanted the device back.
            Crowded: If there are too many targets for one schedule.
        """
        outcome = alone(self.looking(routine, targets, settings), self)
        return tuple(outcome.fits[target] for target in targets)

    def calibrating(self, routine: Routine[Any], targets: Sequence[Target], settings: Settings | None = None) -> Work[Outcome]:
        """Plan, measure, fit, update: on targets that may be measured side by side.

        What no good fit was made of, or what the guard refuses, keeps its numbers. The others make one new version together.

        Raises:
            Crowded: If there are too many targets for one schedule.
        """
        base = believed = self.snapshot
        refused, fits = dict[Target, str](), dict[Target, Fit]()
        left = list(targets)
        looks: list[Look] = []
        for step in routine.passes(settings or routine.settings):
            if not left:
                break
            plan, cannot = planned(routine, left, step, believed, self._limits)
            refused |= cannot
            fits |= {target: _unplayed(target, reason) for target, reason in cannot.items()}
            left = [target for target in left if target not in cannot]
            if plan is None:
                break
            look = yield from self._looked(routine, plan, step, believed)
            if self.snapshot is not base:
                # others have changed theirs meanwhile
                base, found = self.snapshot, [look.fits for look in looks]
                believed = again(routine, base, found, refused, self._limits)
            looks.append(look)
            fits |= {fit.target: fit for fit in look.fits}
            believed, reasons = taken(routine, believed, look.fits, self._limits)
            refused |= reasons
            left = [target for target in left if target not in refused]
        found = [look.fits for look in looks]
        # a pass that went wrong takes back what the passes before it had found of its target
        if refused:
            believed = again(routine, self.snapshot, found, refused, self._limits)
        if believed.timing != self.snapshot.timing:
            # a wait between shots never shrinks: the last pass says it, not a rough one before
            last = again(routine, self.snapshot, found[-1:], refused, self._limits)
            believed = believed.model_copy(update={"timing": last.timing})
        if believed is not self.snapshot and (wrong := faults(believed)):
            refused |= dict.fromkeys(left, "; ".join(wrong))
            believed = self.snapshot
        changed = tuple(t for t in targets if t not in refused) if believed is not self.snapshot else ()
        return self._concluded(routine, looks, fits, refused, believed, changed)

    def looking(
        self,
        routine: Routine[Any],
        targets: Sequence[Target],
        settings: Settings | None = None,
        worth: Callable[[Fit], bool] | None = None,
    ) -> Work[Outcome]:
        """Measure and fit only, and take what is found into the snapshot where that is worth it, as one new version.

        Args:
            routine: Which.
            targets: Of what; they may be measured side by side.
            settings: Of the look; `Routine.brief`, if None.
            worth: Asked of each good fit; None takes nothing.

        Returns:
            Fits as of `look`, and what of them was taken; nothing is refused.

        Raises:
            Crowded: If there are too many targets for one schedule.
        """
        step = settings or routine.brief(routine.settings)
        plan, cannot = planned(routine, targets, step, self.snapshot, self._limits)
        fits = {target: _unplayed(target, reason) for target, reason in cannot.items()}
        looks = []
        if plan is not None:
            looks.append((yield from self._looked(routine, plan, step, self.snapshot)))
            fits |= {fit.target: fit for fit in looks[0].fits}
        believed, changed = self.snapshot, list[Target]()
        for fit in (fits[target] for target in targets):
            if worth is not None and fit.good and worth(fit):
                before = believed
                believed, _ = taken(routine, believed, [fit], self._limits)
                changed += [fit.target] if believed is not before else []
        if not changed or faults(believed):
            return Outcome(fits, looks=tuple(looks))
        return self._concluded(routine, looks, fits, {}, believed, tuple(changed))

    def prepare(self, order: Order) -> Prepared:
        """See `alternate.Device`."""
        prepared = Prepared(order, self.execution.prepare(series(order.plan, order.snapshot, self.seed)))
        if self.seed is not None:
            self.seed = (self.seed + len(order.plan.schedules)) % 2**63
        return prepared

    def then(self, prepared: Prepared | None) -> None:
        """See `alternate.Device`; a driver that is elsewhere is told."""
        self.execution.then(None if prepared is None else prepared.pieces)

    def play(self, prepared: Prepared, stopped: Callable[[], bool]) -> Played:
        """Have the device play; see `alternate.Device`.

        Raises:
            Cancelled: If somebody wanted the device back.
        """
        order = prepared.order
        told, used_s = self.told, self.execution.usage_seconds

        def progress(done: int, of: int) -> None:
            if told is not None:
                told(order.routine, order.plan.targets, done, of)

        progress(0, len(order.plan.schedules))
        numbers = play(
            order.plan,
            prepared.pieces,
            self.execution,
            cancelled=lambda: stopped() or self.wanted(),
            progress=progress,
        )
        shots = sum(order.plan.shots * len(table) for _, table in order.plan.schedules)
        self.shots += shots
        return Played(numbers, shots, self.execution.usage_seconds - used_s, self.execution.device_ns)

    def wanted(self) -> bool:
        """Whether somebody wants the device back."""
        return self.cancelled is not None and self.cancelled()

    def stop(self) -> None:
        """Stop what the device plays."""
        # a driver that cannot be reached says so to who plays as well
        with suppress(OperatorError):
            self.execution.driver.abort()

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
        if self.drafts and self.versions is not None:
            self.snapshot = published(self.versions, self.snapshot, self.drafts, self.operator)
        # only now: what could not be published still waits
        self.drafts.clear()

    def forget(self) -> None:
        """Believe again what is in use."""
        if self.drafts:
            self.snapshot = self.drafts[0].before
            self.drafts.clear()

    def overtaken(self) -> bool:
        """Whether somebody else has put another version in use meanwhile."""
        current = None if self.versions is None else self.versions.current()
        return current is not None and current.calibration_id != self.snapshot.calibration_id

    @property
    def _limits(self) -> Limits:
        return self.execution.capabilities.limits

    def _looked(self, routine: Routine[Any], plan: Plan, settings: Settings, snapshot: Snapshot) -> Work[Look]:
        played = yield Order(routine.name, plan, snapshot)
        self.device_ns = played.device_ns
        attrs = {"routine": routine.name, "settings": settings.model_dump_json()}
        data = dataset(plan, snapshot, played.numbers).assign_attrs(attrs)
        return Look(data, routine.fit(data), played.shots, played.device_s)

    def _concluded(
        self,
        routine: Routine[Any],
        looks: Sequence[Look],
        fits: Mapping[Target, Fit],
        refused: Mapping[Target, str],
        believed: Snapshot,
        changed: tuple[Target, ...],
    ) -> Outcome:
        """Keep the data, and adopt what is believed now."""
        run = ""
        if self.archive is not None and looks:
            draw = routine.plot if self.figures else None
            run = self.archive.keep(routine.name, [(look.data, look.fits) for look in looks], draw)
        waits = believed.timing != self.snapshot.timing
        if changed:
            self._adopt(believed, Draft(self.snapshot, routine.name, changed, tuple(fits[target] for target in changed), run))
        return Outcome(fits, changed, refused, tuple(looks), run, waits)

    def _adopt(self, believed: Snapshot, draft: Draft) -> None:
        self.snapshot = believed
        self.drafts.append(draft)
        if not self.holds:
            self.publish()


def _unplayed(target: Target, reason: str) -> Fit:
    return bad(reason).model_copy(update={"target": target, "played": False})
