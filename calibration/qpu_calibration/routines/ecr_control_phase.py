"""Virtual Z of the control after an echoed gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.conditional import LEAST, UNSURE
from qpu_calibration.edit import virtual_z, with_virtual_z
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings


class ECRControlPhaseSettings(Settings):
    """One set.

    Attributes:
        pairs: Pairs of ``ecr`` and ``x`` in the train.
    """

    pairs: int = Field(9, ge=2)


class ECRControlPhase(Routine[ECRControlPhaseSettings]):
    """The control on the equator, the target at +x and at -x, where ZX turns the control by a quarter turn forth and back.

    Pairs of ``ecr`` and ``x`` add up what both have in common: the control's own phase. One pair tells it within a turn; what a
    train has beyond one pair has nothing of the ZZ during the other pulses.
    """

    name = "ecr_control_phase"
    kind = Kind.COUPLER
    gate = "ecr"
    depends_on = ("ecr_target_phase",)
    timeout_h = 24.0
    settings = ECRControlPhaseSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ECRControlPhaseSettings) -> Sequence[Axis]:
        """One pair or the train, the axis to which the target's first pulse brings it; sides."""
        begin = Axis("begin", np.array([np.pi / 2, -np.pi / 2]), "rad", stepped=True)
        return [Axis("pairs", np.array([1.0, settings.pairs]), stepped=True), begin, bloch.sides()]

    def play(self, page: Page, at: Point, settings: ECRControlPhaseSettings) -> None:
        """Both on the equator, then the train."""
        page.sx(phase=np.pi / 2)
        page.sx(phase=at["begin"], of=1)
        page.barrier()
        for _ in range(int(at.number("pairs"))):
            page.gate("ecr")
            page.x()
        page.barrier()
        bloch.look(page, at["side"], 0)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The virtual Z that was played."""
        return {"played": virtual_z(snapshot, "ecr", target)[0]}

    def fit_one(self, data: Measured) -> Fit:
        """What the train has beyond one pair, mean of both targets."""
        phase, error, length = _turned(data)
        more = float(np.diff(data["pairs"])[0])
        apart = float(bloch.wrap_phase(phase[0, 1] - phase[0, 0]))
        # an x after each gate turns the phase over: what is left of it counts backwards
        left = -float((phase[1] - phase[0]).mean()) / more
        sigma = float(np.sqrt((error**2).sum())) / 2 / more
        numbers = {"turn": (float(bloch.wrap_phase(float(data["played"]) - left)), sigma, "rad"), "left": (left, sigma, "rad")}
        if length.min() < LEAST:
            return bad("the control is not seen on the equator", **numbers)
        if error.max() > UNSURE:
            return bad("opposite sides of the control's vector contradict each other", **numbers)
        if abs(apart) > 1.2:
            return bad("the target does not turn the control by a quarter turn", **numbers)
        return good(None, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Virtual Z of the control."""
        return with_virtual_z(snapshot, "ecr", fit.target, (fit["turn"], virtual_z(snapshot, "ecr", fit.target)[1]))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.06 rad."""
        return abs(float(bloch.wrap_phase(fit["turn"] - virtual_z(snapshot, "ecr", fit.target)[0]))) / 0.06

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What is left of one pair with the target at +x and at -x, then of the train."""
        phase, error, _ = _turned(data)
        return {"x": np.arange(4), "y": phase.ravel(), "error": error.ravel(), "label": "one pair: target at +x, -x; train"}


def _turned(data: Measured) -> tuple[Values, Values, Values]:
    """``[one or train, target at +x or -x]``: phases beyond those of perfect gates; their errors; lengths of the vectors."""
    vector, sigma = bloch.vector(data.at(place=0))
    phase, error = bloch.angle(vector, sigma)
    pairs = data["pairs"][:, None]
    left = bloch.wrap_phase(phase - np.array([1, -1]) * pairs * np.pi / 2)
    # turns of the train are counted by the single pair
    total = left[0] * pairs[1]
    return np.stack([left[0], total + bloch.wrap_phase(left[1] - total)]), error, np.hypot(vector[..., 0], vector[..., 1])
