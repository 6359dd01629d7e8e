"""Simultaneous randomized benchmarking of couplers: what couplers next to one another add to each other's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import xarray as xr

from qpu_bridge.target import PulseSpec, Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.clifford import words
from qpu_calibration.decays import amiss, compared, survival
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.page import Numbers, Page, Played, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routines.rb2 import RB2, RB2Settings, entangler, spell, survived
from qpu_calibration.routines.rb_simultaneous import loudness, played_both, shares, who


class RB2Simultaneous(RB2):
    """Random Cliffords of two qubits on all couplers without a qubit in common at once, and alone (see `RBSimultaneous`)."""

    name = "rb2_simultaneous"
    depends_on: ClassVar[tuple[str, ...]] = ("rb2",)
    apart = 0
    timeout_h = 720.0

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RB2Settings) -> Sequence[Axis]:
        """Who plays, lengths, sequences, and in what they end (the first qubit is the lowest bit)."""
        return [who(snapshot, targets), *super().axes(snapshot, targets, settings)[1:]]

    def play(self, page: Page, at: Point, settings: RB2Settings) -> None:
        """Each coupler its own sequence."""
        everybody, loud = page.targets, loudness(at, len(page.targets))
        for index, target in enumerate(everybody):
            page.targets = (target,)
            gate = entangler(page.snapshot, target)
            forwards = gate.qubits == target
            seed = (settings.seed, *target, int(at.number("sample")))
            spelled = words(gate.name, forwards, int(at.number("length")), False, seed)
            spell(page, at, spelled, gate.name, forwards, partial(_of, loud, index))
        page.targets = everybody
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """None."""
        return {}

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Both decays: alone, and together, where something is added; errors per Clifford."""
        found = compared(*_both(data), floor=0.25)
        numbers = shares(found.of("decay", scale=0.75), found.of("more", scale=0.75))
        if reason := amiss(found, 0.25):
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
            found |= {"model_x": fine, "model": survival(np.stack([fine, np.ones(201)]), 0.25, **fit.shape)}
        return found


def _of(loud: Played, index: int, _: int, pulse: PulseSpec) -> tuple[Numbers, Numbers] | None:
    """What one coupler plays, written on a page of its own."""
    return loud(index, pulse)


def _both(data: xr.Dataset) -> tuple[Values, Values, Values]:
    return survived(played_both(data), "beside")
