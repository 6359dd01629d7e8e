"""Flux amplitude of a tunable coupler's cz, found from rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch, conditional
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import flux_amplitude, with_flux_amplitude
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search

NEAR = 3
"""The parabola is fitted to so many points on either side of a conditional phase of pi."""


class CZChevronSettings(Settings):
    """How flux is scanned.

    Attributes:
        points: Amplitudes, from 0 on.
        most: The largest, full scale; beyond, coupler and qubits hybridise.
        returned: Of the second qubit's contrast, with the first in 1, what must come back at the amplitude that is taken.
    """

    shots: int = Field(300, ge=1)
    points: int = Field(61, ge=16)
    most: float = Field(0.6, gt=0, le=1)
    returned: float = Field(0.8, gt=0, le=1)


class CZChevron(Routine[CZChevronSettings]):
    """One flux pulse of growing amplitude; the phase of the second qubit with the first in 0 and in 1.

    The difference begins at 0 and is followed to its first half turn: the first return of |11> from |02> and |20>. Whatever
    leaves |11> for good is missing from the second qubit's contrast there (Sung et al., PRX 11, 021058; Collodo et al., PRL 125,
    240502).
    """

    name = "cz_chevron"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("port_delays",)
    timeout_h = 168.0
    settings = CZChevronSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CZChevronSettings) -> Sequence[Axis]:
        """Level of the first qubit; amplitudes of the sign that is believed; sides of the second."""
        levels = np.linspace(0, settings.most, settings.points)
        signs = np.array([np.sign(flux_amplitude(snapshot, pair)) or 1.0 for pair in targets])
        scan = Axis("amplitude", signs[:, None] * levels, reach=conditional.reach(snapshot, targets))
        return [conditional.OTHER, scan, bloch.sides()]

    def play(self, page: Page, at: Point, settings: CZChevronSettings) -> None:
        """One ``cz`` of another amplitude."""
        levels = np.broadcast_to(at["amplitude"], (len(page.targets), page.rows))
        conditional.play(page, at, 1, 1, lambda index, pulse: (levels[index], 0.0))

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Follow the phase from rest to half a turn; a parabola through the points around gives the amplitude."""
        x = data["amplitude"]
        phase, error, length = conditional.turned(data, 1)
        raw, sigma = conditional.parted(phase, error)
        followed = np.unwrap(raw)
        if np.median(length[0]) < conditional.LEAST:
            return bad("the second qubit is not seen on the equator")
        there = _half_turn(followed)
        if there < 3:
            return bad("no amplitude of the scan gives a conditional phase of half a turn")
        if np.abs(np.diff(followed[: there + 1])).max() > 0.75 * np.pi:
            return bad("the phase cannot be followed from point to point")
        near, goal = _around(there), np.sign(followed[there]) * np.pi
        x, y, sigma = x[near], followed[near] - goal, sigma[near]
        slope, offset = np.polyfit(x, y, 1)
        starts = {"slope": slope, "bend": 0.0, "amplitude": -offset / slope if slope else float(x.mean())}
        found = yield Search(conditional.parabola, x, y, sigma, starts)
        share = (length[1] / np.maximum(length[0], 1e-3))[near]
        numbers = {
            "amplitude": found.of("amplitude"),
            "slope": found.of("slope", "rad"),
            "returned": (float(share.mean()), float(np.hypot(*error[:, near]).mean() / np.sqrt(share.size)), ""),
        }
        wanted = CZChevronSettings.model_validate_json(data.attrs["settings"]).returned
        if numbers["returned"][0] < wanted:
            return bad("|11> does not return at that amplitude", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude of ``cz``."""
        return with_flux_amplitude(snapshot, fit.target, fit["amplitude"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 3 %."""
        return abs(fit["amplitude"] / flux_amplitude(snapshot, fit.target) - 1) / 0.03

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Conditional phase against amplitude, with the parabola around half a turn."""
        phase, error, _ = conditional.turned(data, 1)
        raw, sigma = conditional.parted(phase, error)
        x, followed = data["amplitude"], np.unwrap(raw)
        found = {"x": x, "y": followed, "error": sigma, "label": "amplitude"}
        if not fit.shape:
            return found
        there = _half_turn(followed)
        model = conditional.parabola(x[_around(there)], **fit.shape) + np.sign(followed[there]) * np.pi
        return found | {"model_x": x[_around(there)], "model": model}


def _half_turn(followed: Values) -> int:
    """Where a phase that is followed from point to point first goes beyond half a turn; -1 if nowhere."""
    beyond = np.flatnonzero(np.abs(followed) > np.pi)
    return int(beyond[0]) if len(beyond) else -1


def _around(there: int) -> slice:
    return slice(max(0, there - NEAR), there + NEAR)
