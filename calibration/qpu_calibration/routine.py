"""The shape of every routine: plan, measure, fit, update, plot. README.md has the guide."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.schedule import Document, Limits
from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis
from qpu_calibration.fit import ROUTINE_ERRORS, Fit, bad, error_sentence
from qpu_calibration.measure import targets_of
from qpu_calibration.measured import Measured, each
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, picture
from qpu_calibration.plan import Kind, Plan, Point, write
from qpu_calibration.reading import Reading
from qpu_calibration.search import Asking, in_step
from qpu_calibration.validity import invalid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK_SHOTS = 50
"""Fewest shots per point of a short look."""


class Settings(Document):
    """What an operator may change of a routine; each routine adds its own fields, all with defaults.

    Attributes:
        shots: Per point.
    """

    shots: int = Field(500, ge=1)


S = TypeVar("S", bound=Settings)


class Routine(ABC, Generic[S]):
    """One experiment on qubits or couplers that finds some calibrated numbers.

    A routine holds no state: what it needs is in its arguments, what it finds in what it returns.

    Attributes:
        name: As on the command line and in entry points.
        kind: What its targets are.
        gate: Native gate that a coupler must have for this routine to be about it; empty if it is about all.
        depends_on: Routines whose numbers it uses.
        invalidates: Routines that depend on it and whose numbers are worthless once it has run: they are not looked at but run
            again, before anything else that uses them.
        apart: Targets with qubits this many couplings apart, or fewer, are never measured side by side.
        essential: Whether a target for which it fails is of no use: users may not have it, and what depends on it is skipped.
        restores: Whether it only brings back what drifts (a drive in resonance, a half turn): what was measured with it while it
            was taken for granted still holds after such a repair.
        tells: Whether it only tells what a target is like (T1, an error): no pulse makes that better, so that it is looked at no
            sooner where it is seen to move.
        look_share: A short look takes one in so many of the shots.
        timeout_h: Hours of device time after which its numbers are no longer taken for granted; fewer where they drift.
        reading: What a measurement returns.
        settings: Its settings, with their defaults.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind] = Kind.QUBIT
    gate: ClassVar[str] = ""
    depends_on: ClassVar[tuple[str, ...]] = ()
    invalidates: ClassVar[tuple[str, ...]] = ()
    apart: ClassVar[int] = 1
    essential: ClassVar[bool] = True
    restores: ClassVar[bool] = False
    tells: ClassVar[bool] = False
    look_share: ClassVar[int] = 8
    timeout_h: ClassVar[float] = 24.0
    reading: ClassVar[Reading] = Reading.ONES
    settings: S

    @abstractmethod
    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: S) -> Sequence[Axis]:
        """What is varied, in the order of the data's dimensions."""

    @abstractmethod
    def play(self, page: Page, at: Point, settings: S) -> None:
        """Write the pulses of one page, measurement included."""

    @abstractmethod
    def fit_one(self, data: Measured) -> Fit | Asking[Fit]:
        """Fit the data of one target. Pure; `fit` says of which target it is.

        Curves are asked for (``found = yield Search(...)``), so that those of all targets are fitted together.
        """

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """Numbers of the snapshot that the fit needs; they are stored with the data, one variable each."""
        return {}

    def passes(self, settings: S) -> Sequence[S]:
        """Settings of measurements that follow one another, coarse to fine; each uses what the one before has found."""
        return [settings]

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The snapshot with what a good fit has found; the same object if nothing changes."""
        return snapshot

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """How far a good fit is from what the snapshot says, in units of what is tolerated: above 1 it is calibrated again."""
        return 0.0

    def deviation_error(self, snapshot: Snapshot, fit: Fit) -> float:
        """What a good fit leaves open, in the same units: how far off its numbers are if each is wrong by its standard error."""
        if fit.series:
            # a kernel, a curve: no error is stated
            return math.inf
        wrong = {name: one.model_copy(update={"value": one.value + one.error}) for name, one in fit.parameters.items()}
        # a deviation may be to one side only: `readout_power` measures how much better another readout is
        return abs(self.deviation(self.update(snapshot, fit), fit.model_copy(update={"parameters": wrong})))

    def complaint(self, snapshot: Snapshot, fit: Fit) -> str:
        """Why users should not have a target though its fit is good; empty if they may."""
        return ""

    def remark(self, snapshot: Snapshot, fit: Fit) -> str:
        """What whoever calibrates should know of a target though its fit is good and users may have it; most often nothing."""
        return ""

    def brief(self, settings: S) -> S:
        """Settings of a short look that only asks whether the numbers still hold (Kelly et al.: check data).

        What is tolerated is many standard errors of a calibration, so that fewer shots tell as much.
        """
        step = self.passes(settings)[-1]
        return step.model_copy(update={"shots": min(step.shots, max(LOOK_SHOTS, step.shots // self.look_share))})

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What the panel of one target shows (`picture.drawn`); a routine with a figure of another kind overrides `plot`."""
        return {}

    def plan(self, snapshot: Snapshot, targets: Sequence[Target], settings: S, limits: Limits | None = None) -> Plan:
        """Schedules for some targets side by side; axes end where the device's lines do (`Axis.within`), if limits are given."""
        wanted = self.axes(snapshot, targets, settings)
        axes = tuple(wanted if limits is None else (axis.within(limits) for axis in wanted))
        schedules, rounds = write(snapshot, targets, axes, lambda page, at: self.play(page, at, settings), self.reading)
        rows = [self.facts(snapshot, target) for target in targets]
        facts = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        return Plan(self.kind, tuple(targets), axes, schedules, settings.shots, self.reading, rounds, facts)

    def fit(self, data: xr.Dataset) -> tuple[Fit, ...]:
        """One fit per target, in the order of the data; a bad one where `fit_one` fails, so that the others keep theirs."""
        return tuple(in_step([self._fit(one, target) for one, target in zip(each(data), targets_of(data), strict=True)]))

    def _fit(self, data: Measured, target: Target) -> Asking[Fit]:
        try:
            reason = invalid(data)
            found = bad(reason) if reason else self.fit_one(data)
            one = found if isinstance(found, Fit) else (yield from found)
        except ROUTINE_ERRORS as error:
            one = bad(error_sentence(error, "the fit must be able to use what was measured"))
        return one.model_copy(update={"target": target})

    def plot(self, data: xr.Dataset, fits: Sequence[Fit]) -> Figure:
        """A figure with a panel per target."""
        panels = [(fit, self.curve(one, fit)) for fit, one in zip(fits, each(data), strict=True)]
        return picture(self.name, data.attrs["kind"], panels)
