"""Fine amplitude of an echoed gate: trains add up what is missing to a quarter turn of ZX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.cross import complex_amplitude, halves, with_cross
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import Estimate, Fit
from qpu_calibration.measured import Measured
from qpu_calibration.page import Target
from qpu_calibration.train import Train, TrainSettings


class ECRAmplitudeSettings(TrainSettings):
    """The trains.

    Attributes:
        more: By how much longer those of the second pass are.
    """

    more: int = Field(3, ge=1)


class ECRAmplitude(Train[ECRAmplitudeSettings]):
    """Short trains, then longer ones; both halves' amplitude in proportion."""

    name = "ecr_amplitude"
    depends_on = ("cr_phase",)
    timeout_h = 12.0
    settings = ECRAmplitudeSettings()

    def passes(self, settings: ECRAmplitudeSettings) -> Sequence[ECRAmplitudeSettings]:
        """Short trains first, so that the errors of long ones stay below a quarter turn."""
        longer = tuple(sorted({1, *(pairs * settings.more for pairs in settings.pairs)}))
        return [settings, settings.model_copy(update={"pairs": longer})]

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The amplitude that was played."""
        return {"amplitude": abs(complex_amplitude(halves(snapshot, target)[0]))}

    def numbers(self, data: Measured, found: CurveFit) -> dict[str, Estimate]:
        """Angle, and the amplitude that would make it a quarter turn."""
        played, (angle, error, unit) = float(data["amplitude"]), found.of("angle", "rad")
        level = played * np.pi / 2 / angle
        return {"amplitude": (level, level * error / angle, ""), "angle": (angle, error, unit)}

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Amplitude of both halves."""
        return with_cross(snapshot, fit.target, lambda level: level * fit["amplitude"] / abs(level))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 2 %: an infidelity of 2e-4."""
        return abs(fit["amplitude"] / abs(complex_amplitude(halves(snapshot, fit.target)[0])) - 1) / 0.02
