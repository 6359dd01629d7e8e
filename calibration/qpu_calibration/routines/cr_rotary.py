"""Rotary tone: how strongly the target is driven along ZX, forth and back, while it is turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import PulseSpec, Snapshot, waveform
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.cross import halves, tone, with_tone
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Numbers, Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reach import amplitude_range
from qpu_calibration.routine import Routine, Settings

LEAST = 0.4
"""Length of a Bloch vector below which it is not believed."""

MOST_AWAY = 0.6
"""Turn of a whole train away from ZX, rad, beyond which it is not the tone that is wrong."""


class CRRotarySettings(Settings):
    """The scan.

    Attributes:
        points: Amplitudes, from 0 on, beside the one that is believed.
        most: The largest, full scale.
        gates: Echoed gates of a train, even: two undo one another.
    """

    points: int = Field(9, ge=3)
    most: float = Field(0.12, gt=0, le=1)
    gates: int = Field(8, ge=2, multiple_of=2)


class CRRotary(Routine[CRRotarySettings]):
    """Pairs of gates, which undo ZX whatever its angle and axis, on a target along ZX: what turns it away adds up.

    A tone along ZX changes its sign with the halves, so that the echo undoes it, and averages what lies across it, ZZ of
    neighbours included (Sundaresan et al., PRX Quantum 1, 020318). Where no amplitude is better than the present one beyond the
    noise, that one stays.
    """

    name = "cr_rotary"
    kind = Kind.COUPLER
    gate = "ecr"
    depends_on = ("cr_cancellation",)
    timeout_h = 168.0
    settings = CRRotarySettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CRRotarySettings) -> Sequence[Axis]:
        """The control's level; the present amplitude, then those of the scan; sides."""
        scan = np.linspace(0, settings.most, settings.points)
        levels = [np.concatenate([[abs(tone(snapshot, pair))], scan]) for pair in targets]
        shapes = [waveform(snapshot.waveforms[halves(snapshot, pair)[0].waveform]) for pair in targets]
        allowed = amplitude_range(snapshot, [snapshot.qubits[pair[1]].drive_frame for pair in targets], shapes)
        rotary = Axis("rotary", np.array(levels), reach=allowed, held=1)
        return [Axis("control", np.array([0.0, 1.0]), stepped=True), rotary, bloch.sides(poles=True)]

    def play(self, page: Page, at: Point, settings: CRRotarySettings) -> None:
        """A train of gates with another tone."""
        levels = np.broadcast_to(at["rotary"], (len(page.targets), page.rows))

        def played(index: int, pulse: PulseSpec) -> tuple[Numbers, Numbers] | None:
            own = page.snapshot.qubits[page.targets[index][1]].drive_frame
            assert isinstance(pulse.amplitude, float)
            return (np.sign(pulse.amplitude) * levels[index], pulse.phase) if pulse.frame == own else None

        if at.number("control"):
            page.x()
        page.sx(phase=np.pi / 2, of=1)
        page.barrier()
        page.gate("ecr", played=played, times=settings.gates)
        page.barrier()
        bloch.look(page, at["side"], 1)
        page.measure()

    def fit_one(self, data: Measured) -> Fit:
        """The amplitude at which the target is turned away least."""
        away, error, length = _away(data)
        levels = data["rotary"]
        best = int(np.argmin(away))
        # the smallest of many is small by luck: it must beat the present one clearly
        better = away[0] - away[best] > 3 * np.hypot(error[0], error[best])
        taken = best if better else 0
        step = float(np.diff(levels[1:]).mean())
        numbers: dict[str, Estimate] = {
            "rotary": (float(levels[taken]), step / np.sqrt(12) if better else 0.0, ""),
            "away": (float(away[taken]), float(error[taken]), "rad^2"),
            "before": (float(away[0]), float(error[0]), "rad^2"),
        }
        if min(np.median(length), length[0], length[taken]) < LEAST:
            return bad("the target does not stay on the equator at any amplitude", **numbers)
        gates = CRRotarySettings.model_validate_json(data.attrs["settings"]).gates
        if away[taken] > (MOST_AWAY / gates) ** 2:
            return bad("the train turns the target away from ZX whatever the amplitude", **numbers)
        return good(None, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude of the tone."""
        played, level = tone(snapshot, fit.target), fit["rotary"]
        if abs(abs(played) - level) < 1e-9:
            return snapshot
        return with_tone(snapshot, fit.target, lambda old: old * level / abs(old) if old else complex(level))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.05 rad per gate by which another amplitude is better."""
        before, away = np.sqrt(np.maximum([fit["before"], fit["away"]], 0))
        return float(before - away) / 0.05

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Turn away from ZX against amplitude."""
        away, error, _ = _away(data)
        return {"x": data["rotary"], "y": away, "error": error, "label": "amplitude (rad^2)"}


def _away(data: Measured) -> tuple[Values, Values, Values]:
    """Square of the turn per gate away from +x, rad^2, mean of the control's levels; its error; shortest vector.

    What noise adds to a square is taken off: of a gate that turns nothing away it is 0 on average, of either sign.
    """
    gates = CRRotarySettings.model_validate_json(data.attrs["settings"]).gates
    vector, sigma = bloch.vector(data.at(place=1))
    across = np.hypot(vector[..., 1], vector[..., 2])
    angle = np.arctan2(across, vector[..., 0]) / gates
    length = np.linalg.norm(vector, axis=-1)
    variance = (sigma[..., 1:] ** 2).mean(axis=-1) / np.maximum(length, 0.1) ** 2 / gates**2
    square = angle**2 - 2 * variance
    error = 2 * np.sqrt(variance * (variance + np.maximum(square, 0)))
    return square.mean(axis=0), np.sqrt((error**2).sum(axis=0)) / len(error), length.min(axis=0)
