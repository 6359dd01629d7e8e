"""Curve of rx: the amplitude for every angle, by trains of the same fraction of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from qpu_bridge.target import Curve as Knots
from qpu_bridge.target import PulseSpec, Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import known_gate, with_gate
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search

ANCHORS = ("quarter", "half", "whole")
ROUGH = (0.0, 1.0, 2.0, 4.0, 0.0)
"""What is looked at first: the anchors."""
NODES = np.array([0.25, 0.5, 1.0])
"""Shares of half a turn between which the relative error is an even polynomial."""


class RxCurveSettings(Settings):
    """One set of trains.

    Attributes:
        halves: Half turns that each train makes in all.
        parts: Angles, as parts of half a turn, of which some make all half turns. 0 is no train, which shows the whole contrast:
            first and last, so that one that is lost on the way is seen.
    """

    halves: int = Field(6, ge=1)
    parts: tuple[float, ...] = Field((0, 1, 4 / 3, 2, 3, 4, 6, 8, 12, 0), min_length=5)

    @model_validator(mode="after")
    def _makes_half_turns(self) -> Self:
        pulses = np.array(self.parts) * self.halves
        if np.abs(pulses - np.rint(pulses)).max() > 1e-6 or self.parts[0] or self.parts[-1] or (pulses < 0).any():
            raise ValueError(f"parts of half a turn must make {self.halves} half turns, the first and the last none")
        if len(set(self.parts) - {0}) < len(ANCHORS):
            raise ValueError(f"a curve needs {len(ANCHORS)} different angles")
        return self


class RxCurve(Routine[RxCurveSettings]):
    """An ``sx``, forwards or backwards, then ``rx`` of one angle as often as makes some half turns in all.

    That ends at half height, as the trains of the fine amplitudes do. Amplitudes of opposite angles are opposite, which is exact:
    the sign of a pulse is a phase.
    """

    name = "rx_curve"
    depends_on = ("fine_amplitude",)
    essential = False
    timeout_h = 24.0
    settings = RxCurveSettings()

    def passes(self, settings: RxCurveSettings) -> Sequence[RxCurveSettings]:
        """Short trains of few angles first."""
        return [settings.model_copy(update={"halves": 3, "parts": ROUGH}), settings]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RxCurveSettings) -> Sequence[Axis]:
        """Angles, as parts of half a turn, and which way the first pulse turns."""
        return [Axis("part", np.array(settings.parts), stepped=True), Axis("first", np.array([0.0, np.pi]), "rad")]

    def play(self, page: Page, at: Point, settings: RxCurveSettings) -> None:
        """Without a train, another ``sx`` shows the whole contrast."""
        part = at.number("part")
        page.sx(phase=at["first"])
        if part:
            page.gate("rx", 0, angle=np.pi / part, times=round(part * settings.halves))
        else:
            page.sx()
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Relative errors of the angle, as a polynomial through three of them."""
        halves = RxCurveSettings.model_validate_json(data.attrs["settings"]).halves
        y, sigma = excited(data)
        x = _places(data, halves)
        errors = np.array([0.0, 0.25, -0.25]) / halves
        starts = {"height": 0.5} | dict.fromkeys(ANCHORS, errors) | {"base": 0.5}
        bounds = {"height": (0.0, 0.6), "base": (0.3, 0.7)} | dict.fromkeys(ANCHORS, (-0.4, 0.4))
        found = yield Search(trains, x, y.ravel(), sigma.ravel(), starts, bounds)
        numbers = {f"{name}_error": found.of(name) for name in ANCHORS}
        if found.value["height"] < 0.3:
            return bad("the pulses do not turn the qubit over", found, **numbers)
        if max(abs(found.value[name]) for name in ANCHORS) * halves > 0.4:
            return bad("the errors of the trains go beyond a fifth of a turn", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The knots of the curve."""
        gate = known_gate(snapshot, "rx", fit.target)

        def straightened(pulse: PulseSpec) -> PulseSpec:
            if not isinstance(pulse.amplitude, Knots):
                return pulse
            wrong = between(np.abs(pulse.amplitude.angle) / np.pi, *(fit[f"{name}_error"] for name in ANCHORS))
            value = tuple(np.round(np.array(pulse.amplitude.value) / (1 + wrong), 9).tolist())
            return pulse.model_copy(update={"amplitude": pulse.amplitude.model_copy(update={"value": value})})

        return with_gate(snapshot, gate.model_copy(update={"pulses": tuple(straightened(pulse) for pulse in gate.pulses)}))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """The largest error of an angle in units of half a percent, and of what the fit leaves open."""
        return max(abs(fit[f"{name}_error"]) / (5e-3 + 2 * fit.error(f"{name}_error")) for name in ANCHORS)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Relative error of each angle, from the steepest slope of its train."""
        y, sigma = excited(data)
        train, height = data["part"] > 0, fit.shape.get("height", 0.5)
        y, sigma, share = y[train], sigma[train], 1 / data["part"][train]
        halves = RxCurveSettings.model_validate_json(data.attrs["settings"]).halves
        slope = (y[:, 0] - y[:, 1]) / 2 / height * (-1.0) ** halves
        near = np.arcsin(np.clip(slope, -1, 1)) / (np.pi * halves)
        error = np.hypot(*sigma.T) / 2 / height / (np.pi * halves)
        found = {"x": share, "y": near, "error": error, "label": "angle / pi"}
        fine = np.linspace(share.min(), 1, 101)
        return found | ({"model_x": fine, "model": between(fine, *(fit.shape[name] for name in ANCHORS))} if fit.shape else {})


def between(share: Values, quarter: float, half: float, whole: float) -> Values:
    """Relative error of an angle, from those at a quarter, a half and the whole of pi; even, since opposite angles are alike."""
    squares = NODES**2
    known = np.stack(np.broadcast_arrays(quarter, half, whole))
    first, second, third = np.tensordot(np.linalg.inv(np.vander(squares, increasing=True)), known, axes=1)
    return np.asarray(first + share**2 * (second + share**2 * third))


def trains(x: Values, height: float, quarter: float, half: float, whole: float, base: float) -> Values:
    """Populations after trains.

    Args:
        x: Share of half a turn of each pulse, half turns of the train (0: another ``sx`` instead), sign of the first pulse.
        height: Half of the contrast.
        quarter: Relative error of the angle at a quarter of pi.
        half: The same at pi / 2.
        whole: The same at pi.
        base: Middle.
    """
    share, halves, sign = x
    train = np.where(halves > 0, halves * (1 + between(share, quarter, half, whole)), 0.5)
    return np.asarray(base - height * np.cos(np.pi * (sign / 2 + train)))


def _places(data: Measured, halves: int) -> Values:
    parts, first = (part.ravel() for part in np.meshgrid(data["part"], np.cos(data["first"]), indexing="ij"))
    return np.stack([1 / np.where(parts > 0, parts, 1.0), np.where(parts > 0, halves, 0.0), first])
