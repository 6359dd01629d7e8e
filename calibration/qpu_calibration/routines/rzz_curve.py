"""Curve of rzz: the coupler's amplitude for every angle, and the virtual Z of both qubits that go with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Curve as Knots
from qpu_bridge.target import PhaseSpec, PulseSpec, Snapshot
from qpu_calibration import bloch, conditional
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import MOST
from qpu_calibration.edit import with_gate
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings

ANGLES = np.pi / 2 * np.array([0.0, 1 / 32, 1 / 12, 1 / 6, 0.3, 0.5, 0.75, 1.0])
"""Angles that are played, rad."""
NODES = np.pi / 2 * np.array([0.0, 1 / 16, 1 / 4, 9 / 16, 1.0])
"""Angles between which errors are a polynomial of the square root of the angle, as amplitudes nearly are."""
FARTHEST = 1.2
"""An error of a single gate beyond which turns might be miscounted, rad."""


class RzzCurveSettings(Settings):
    """One set.

    Attributes:
        most: Gates of the trains of the smallest angles; fewer of larger ones, which all make less than ``turn``.
        turn: Angle in all, rad.
    """

    shots: int = Field(800, ge=1)
    most: int = Field(24, ge=2)
    turn: float = Field(10.0, gt=0)


class RzzCurve(Routine[RzzCurveSettings]):
    """Each qubit on the equator in its turn, the other in 0 and in 1, under some ``rzz`` of one angle.

    Half of what parts both cases is the angle, their mean the qubit's own phase. Single gates tell errors of any size, and so the
    turns of trains, which tell small ones well.
    """

    name = "rzz_curve"
    kind = Kind.COUPLER
    gate = "rzz"
    depends_on = ("cz_local_phases",)
    essential = False
    look_share = 2
    timeout_h = 72.0  # the shape of a curve; what scales it, the routines above see
    settings = RzzCurveSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RzzCurveSettings) -> Sequence[Axis]:
        """Angles, a single gate or a train, which qubit, the other's level, and sides."""
        either = np.array([0.0, 1.0])
        of, train = Axis("of", either, stepped=True), Axis("train", either, stepped=True)
        return [Axis("angle", ANGLES, "rad", stepped=True), train, of, conditional.OTHER, bloch.sides()]

    def play(self, page: Page, at: Point, settings: RzzCurveSettings) -> None:
        """The gate as it is."""
        of, angle = int(at.number("of")), at.number("angle")
        if at.number("other"):
            page.x(of=1 - of)
        page.sx(phase=np.pi / 2, of=of)
        page.barrier()
        page.gate("rzz", angle=angle, times=int(_gates(angle, settings)) if at.number("train") else 1)
        page.barrier()
        bloch.look(page, at["side"], of)
        page.measure()

    def fit_one(self, data: Measured) -> Fit:
        """Errors of the angle and of both qubits' phases: polynomials of the square root of the angle."""
        count, left, sigma, length = _left(data)
        powers, nodes = (np.vander(np.sqrt(at / (np.pi / 2)), len(NODES), increasing=True) for at in (ANGLES, NODES))
        # per gate an error; ZZ during the other pulses; an angle is also moved by who was not prepared as wanted
        gates = (count[:, :, None] * powers[:, None]).reshape(-1, len(NODES))
        other = np.ones((len(gates), 1))
        mixed = np.sin(2 * ANGLES[:, None] * count).reshape(-1, 1)
        numbers, series, square = {}, {"angle": tuple(NODES.tolist())}, 0.0
        for name, phase, scatter in zip(("angle", "first", "second"), left, sigma, strict=True):
            design = np.hstack([gates, other, mixed] if name == "angle" else [gates, other])
            weighted = design / scatter.reshape(-1, 1)
            cover = np.linalg.inv(weighted.T @ weighted)
            best = cover @ weighted.T @ (phase / scatter).ravel()
            rest = (phase.ravel() - design @ best) / scatter.ravel()
            grown = max(1.0, float(rest @ rest) / (rest.size - best.size))
            square = max(square, grown)
            here = nodes @ cover[: len(NODES), : len(NODES)] @ nodes.T * grown
            found_here = nodes @ best[: len(NODES)]
            series[name] = tuple(found_here.tolist())
            for node, value, variance in zip(
                ("sixteenth", "quarter", "rest", "whole"), found_here[1:], np.diag(here)[1:], strict=True
            ):
                numbers[f"{name}_{node}"] = (float(value), float(np.sqrt(variance)), "rad")
        found = good(None, **numbers).model_copy(update={"series": series, "chi_square": square})
        reason = ""
        if length.min() < conditional.LEAST:
            reason = "a qubit is not seen on the equator"
        elif np.abs(left[:, :, 0]).max() > FARTHEST:
            reason = "the phases of single gates are so far off that turns might be miscounted"
        elif square > MOST:
            reason = "the errors do not follow the angle smoothly"
        return bad(reason, None, **numbers) if reason else found

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Knots: the amplitude is that which an angle off by its error has had, the phases go along."""
        from scipy.interpolate import CubicSpline

        gate = snapshot.gate("rzz", *fit.target)
        if gate is None or not any(isinstance(pulse.amplitude, Knots) for pulse in gate.pulses):
            raise SettingsError("an rzz must have a curve of amplitudes", given="none", where=f"rzz of qubits {list(fit.target)}")

        def moved(knots: Knots, less: str = "") -> Knots:
            angle = np.array(knots.angle)
            # the error where the gate will be, not where it was; below 0 amplitudes cannot be continued
            before = np.clip(angle - between(angle, fit.series["angle"]), 0.0, None)
            before = np.clip(angle - between(before, fit.series["angle"]), 0.0, None)
            value = CubicSpline(knots.angle, knots.value)(before)
            value = value - between(before, fit.series[less]) if less else value
            return knots.model_copy(update={"value": tuple(np.round(value, 9).tolist())})

        def pulse(one: PulseSpec) -> PulseSpec:
            return one.model_copy(update={"amplitude": moved(one.amplitude)}) if isinstance(one.amplitude, Knots) else one

        def phase(one: PhaseSpec) -> PhaseSpec:
            less = ("first", "second")[fit.target.index(one.qubit)]
            return one.model_copy(update={"angle": moved(one.angle, less)}) if isinstance(one.angle, Knots) else one

        changes = {"pulses": tuple(map(pulse, gate.pulses)), "phases": tuple(map(phase, gate.phases))}
        return with_gate(snapshot, gate.model_copy(update=changes))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """The largest phase error in units of 0.02 rad and of what the fit leaves open."""
        return max(abs(p.value) / (0.02 + 2 * p.error) for p in fit.parameters.values())

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Error of the angle."""
        count, left, sigma, _ = _left(data)
        more = count[:, 1] - 1
        error = np.hypot(*sigma[0].T) / more
        found = {"x": ANGLES, "y": (left[0, :, 1] - left[0, :, 0]) / more, "error": error, "label": "angle, rad"}
        if "angle" in fit.series:
            fine = np.linspace(0, np.pi / 2, 101)
            found |= {"model_x": fine, "model": between(fine, fit.series["angle"])}
        return found


def between(angle: Values, errors: Sequence[float]) -> Values:
    """Error at an angle (rad), from those at `NODES`."""
    nodes = np.vander(np.sqrt(NODES / (np.pi / 2)), len(NODES), increasing=True)
    best = np.linalg.solve(nodes, np.asarray(errors))
    return np.asarray(np.polynomial.polynomial.polyval(np.sqrt(np.asarray(angle) / (np.pi / 2)), best))


def _gates(angle: Values | float, settings: RzzCurveSettings) -> Values:
    return np.clip(np.floor(settings.turn / np.maximum(angle, 1e-9)), 2, settings.most)


def _left(data: Measured) -> tuple[Values, Values, Values, Values]:
    """Gates ``[angle, single or train]``; ``[angle, first, second; angle, single or train]``: what they leave, rad, its errors.

    Last come the lengths of all vectors.
    """
    gates = _gates(ANGLES, RzzCurveSettings.model_validate_json(data.attrs["settings"]))
    count = np.stack([np.ones(len(ANGLES)), gates], axis=1)
    parts = [conditional.turned(data.at(of=place), place) for place in (0, 1)]
    # [of, angle, train, other]
    phase, error, length = (np.stack([part[k] for part in parts]) for k in range(3))
    # with the other qubit in 0, an rzz turns by its angle, and back if it is in 1
    wanted = (ANGLES[:, None] * count)[..., None] * np.array([1, -1])
    single = bloch.wrap_phase(phase[:, :, 0] - wanted[:, 0])
    total = single * gates[:, None]
    train = total + bloch.wrap_phase(phase[:, :, 1] - wanted[:, 1] - total)
    low, high = np.moveaxis(np.stack([single, train], axis=2), -1, 0)
    each = np.sqrt((error**2).sum(axis=-1)) / 2
    weight = each**-2
    angle = ((low - high) / 2 * weight).sum(axis=0) / weight.sum(axis=0)
    return count, np.stack([angle, *(low + high) / 2]), np.stack([weight.sum(axis=0) ** -0.5, *each]), length
