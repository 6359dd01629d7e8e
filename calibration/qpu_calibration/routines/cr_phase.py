"""The axis about which an echoed gate turns its target: ZY becomes 0."""

from __future__ import annotations

from qpu_bridge.target import Snapshot
from qpu_calibration.cross import with_axis
from qpu_calibration.curve import CurveFit
from qpu_calibration.fit import Estimate, Fit
from qpu_calibration.measured import Measured
from qpu_calibration.train import Train, TrainSettings


class CRPhase(Train[TrainSettings]):
    """Short trains; all that turns the target, tones of both lines, is turned together until ZX alone is left."""

    name = "cr_phase"
    depends_on = ("cr_rotary",)
    timeout_h = 24.0
    look_share = 3
    settings = TrainSettings()

    def numbers(self, data: Measured, found: CurveFit) -> dict[str, Estimate]:
        """Angle of the axis."""
        return {"axis": found.of("axis", "rad"), "angle": found.of("angle", "rad")}

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Phases of all tones at the target's frequency."""
        return with_axis(snapshot, fit.target, -fit["axis"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.06 rad: an infidelity of 5e-4."""
        return abs(fit["axis"]) / 0.06
