"""Virtual Z of the target after an echoed gate."""

from __future__ import annotations

from collections.abc import Mapping

from qpu_bridge.target import Snapshot
from qpu_calibration.bloch import wrap_phase
from qpu_calibration.curve import CurveFit
from qpu_calibration.edit import virtual_z, with_virtual_z
from qpu_calibration.fit import Estimate, Fit
from qpu_calibration.measured import Measured
from qpu_calibration.page import Target
from qpu_calibration.train import Train, TrainSettings


class ECRTargetPhase(Train[TrainSettings]):
    """Short trains: Stark shifts by the tones turn the target about Z in both halves alike, so that no echo undoes it."""

    name = "ecr_target_phase"
    depends_on = ("ecr_amplitude",)
    timeout_h = 24.0
    look_share = 3
    settings = TrainSettings()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The virtual Z that was played."""
        return {"played": virtual_z(snapshot, "ecr", target)[1]}

    def numbers(self, data: Measured, found: CurveFit) -> dict[str, Estimate]:
        """What to turn by, and what was left."""
        left, error, unit = found.of("z", "rad")
        return {"turn": (float(wrap_phase(float(data["played"]) - left)), error, unit), "left": (left, error, unit)}

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Virtual Z of the target."""
        return with_virtual_z(snapshot, "ecr", fit.target, (virtual_z(snapshot, "ecr", fit.target)[0], fit["turn"]))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.06 rad."""
        return abs(float(wrap_phase(fit["turn"] - virtual_z(snapshot, "ecr", fit.target)[1]))) / 0.06
