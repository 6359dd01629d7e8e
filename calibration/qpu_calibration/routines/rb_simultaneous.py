"""Simultaneous randomized benchmarking of single qubits: what neighbours add to each other's errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import xarray as xr

from qpu_bridge.target import PulseSpec, Snapshot
from qpu_calibration import clifford
from qpu_calibration.axis import Axis, Values
from qpu_calibration.decays import amiss, compared, survival
from qpu_calibration.fit import Fit, Number, bad, good
from qpu_calibration.groups import groups
from qpu_calibration.page import Page, Played, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routines.rb import PULSES, RB, RBSettings, ends, survived

TOGETHER, ALONE, STILL = 0.0, 1.0, -1.0
"""What a target does in a step of the axis ``alone``."""


class RBSimultaneous(RB):
    """Random Cliffords on all qubits at once, and on qubits that are no neighbours while the others rest.

    Gambetta et al., PRL 109, 240504.
    The sequences are the same both times, and those that rest play pulses of no amplitude, so that nothing but the neighbours'
    drives differs: crosstalk, ZZ and collisions of frequencies.
    """

    name = "rb_simultaneous"
    depends_on: ClassVar[tuple[str, ...]] = ("rb",)
    apart = 0
    look_share = 1
    timeout_h = 720.0

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RBSettings) -> Sequence[Axis]:
        """Who plays, and those of `RB`."""
        return [who(snapshot, targets), *super().axes(snapshot, targets, settings)]

    def play(self, page: Page, at: Point, settings: RBSettings) -> None:
        """Sequence by sequence, the axes of all pulses."""
        length = int(at.number("length"))
        rows = [
            [clifford.axes(length, flipped, (settings.seed, *target, sample)) for sample, flipped in ends(at)]
            for target in page.targets
        ]
        loud = loudness(at, len(page.targets))
        for axes in np.moveaxis(np.array(rows), -1, 0):
            page.gate("sx", 0, phase=axes, played=loud)
        page.measure()

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Both decays: alone, and together, where something is added."""
        found = compared(*_both(data), floor=0.5)
        numbers = shares(found.of("decay", scale=0.5 / PULSES), found.of("more", scale=0.5 / PULSES))
        if reason := amiss(found, 0.5):
            return bad(reason, found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Nothing: the errors of the snapshot are those of gates alone."""
        return snapshot

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """Nothing to be found again."""
        return 0.0

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """What survives together."""
        x, y, sigma = _both(data)
        inside = x[1] > 0
        found = {"x": x[0, inside], "y": y[inside], "error": sigma[inside], "label": "Cliffords, all together"}
        if fit.shape:
            fine = np.linspace(0, x[0].max(), 201)
            found |= {"model_x": fine, "model": survival(np.stack([fine, np.ones(201)]), 0.5, **fit.shape)}
        return found


def who(snapshot: Snapshot, targets: Sequence[Target]) -> Axis:
    """First all together; then one group after the other, of targets that are no neighbours, alone."""
    parted = groups(snapshot, targets)
    steps = [[TOGETHER] * len(targets), *([ALONE if target in group else STILL for target in targets] for group in parted)]
    return Axis("alone", np.array(steps).T, stepped=True)


def loudness(at: Point, targets: int) -> Played:
    """Pulses as calibrated, or of no amplitude where a target rests."""
    still = [number == STILL for number in at.numbers("alone", targets)]

    def played(index: int, pulse: PulseSpec) -> tuple[float, float] | None:
        return (0.0, pulse.phase) if still[index] else None

    return played


def shares(alone: Number, added: Number) -> dict[str, Number]:
    """Error alone, what neighbours add to it, and both."""
    return {
        "alone": alone,
        "added": added,
        "together": (alone[0] + added[0], float(np.hypot(alone[1], added[1])), ""),
    }


def played_both(data: xr.Dataset) -> xr.Dataset:
    """The two steps of a target: alone and together, in this order, with the coordinate ``beside``."""
    alone = data["alone"].values
    steps = [int(np.flatnonzero(alone == what)[0]) for what in (ALONE, TOGETHER)]
    return data.isel(alone_point=steps).rename(alone_point="beside").assign_coords(beside=[0.0, 1.0])


def _both(data: xr.Dataset) -> tuple[Values, Values, Values]:
    return survived(played_both(data), "beside")
