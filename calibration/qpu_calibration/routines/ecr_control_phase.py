"""Virtual Z of the control after an echoed gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.conditional import LEAST, wrapped
from qpu_calibration.edit import turns, with_turns
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings


class ECRControlPhaseSettings(Settings):
    """One set.

    Attributes:
        pairs: Pairs of ``ecr`` and ``x`` that follow one another.
    """

    pairs: int = Field(1, ge=1)


class ECRControlPhase(Routine[ECRControlPhaseSettings]):
    """The control on the equator, the target at +x and at -x, where ZX turns the control by a quarter turn forth and back.

    Pairs of ``ecr`` and ``x`` add up what both have in common: the control's own phase.
    """

    name = "ecr_control_phase"
    kind = Kind.COUPLER
    gate = "ecr"
    depends_on = ("ecr_target_phase",)
    timeout_h = 24.0
    settings = ECRControlPhaseSettings()

    def passes(self, settings: ECRControlPhaseSettings) -> Sequence[ECRControlPhaseSettings]:
        """One pair tells the phase within a turn, five to a fifth of the error."""
        return [settings, settings.model_copy(update={"pairs": 5 * settings.pairs})]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ECRControlPhaseSettings) -> Sequence[Axis]:
        """Axis to which the target's first pulse brings it; sides."""
        return [Axis("begin", np.array([np.pi / 2, -np.pi / 2]), "rad", stepped=True), bloch.sides()]

    def play(self, page: Page, at: Point, settings: ECRControlPhaseSettings) -> None:
        """Both on the equator, then the train."""
        page.sx(phase=np.pi / 2)
        page.sx(phase=at["begin"], of=1)
        page.barrier()
        for _ in range(settings.pairs):
            page.gate("ecr")
            page.x()
        page.barrier()
        bloch.look(page, at["side"], 0)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The virtual Z that was played."""
        return {"played": turns(snapshot, "ecr", target)[0]}

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Mean of both phases, divided by the pairs."""
        pairs = ECRControlPhaseSettings.model_validate_json(data.attrs["settings"]).pairs
        phase, error, length = _turned(data, pairs)
        apart = float(wrapped(phase[1] - phase[0]))
        # an x after each gate turns the phase over: what is left of it counts backwards
        left = -float(wrapped(phase[0] + apart / 2)) / pairs
        sigma = float(np.hypot(*error)) / 2 / pairs
        numbers = {"turn": (float(wrapped(float(data["played"]) - left)), sigma, "rad"), "left": (left, sigma, "rad")}
        if length.min() < LEAST:
            return bad("the control is not seen on the equator", **numbers)
        if abs(apart) > 1.2:
            return bad("the target does not turn the control by a quarter turn", **numbers)
        return good(None, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Virtual Z of the control."""
        return with_turns(snapshot, "ecr", fit.target, (fit["turn"], turns(snapshot, "ecr", fit.target)[1]))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.06 rad."""
        return abs(float(wrapped(fit["turn"] - turns(snapshot, "ecr", fit.target)[0]))) / 0.06

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """What is left with the target at +x and at -x."""
        phase, error, _ = _turned(data, ECRControlPhaseSettings.model_validate_json(data.attrs["settings"]).pairs)
        return {"x": np.arange(2), "y": phase, "error": error, "label": "target at +x, -x"}


def _turned(data: xr.Dataset, pairs: int) -> tuple[Values, Values, Values]:
    """Phases beyond those of perfect gates, for the target at +x and -x; their errors; lengths of the vectors."""
    vector, sigma = bloch.vector(data.isel(place=0))
    phase, error = bloch.angle(vector[..., 0], vector[..., 1], np.sqrt((sigma**2).mean(axis=-1)))
    ahead = np.array([1, -1]) * pairs * np.pi / 2
    return wrapped(phase - ahead), error, np.hypot(vector[..., 0], vector[..., 1])
