"""Virtual Z of both qubits after a cz: repeated gates add up what it leaves on either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration import bloch, conditional
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import virtual_z, with_virtual_z
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings


class CZLocalPhasesSettings(Settings):
    """One set.

    Attributes:
        gates: How many follow one another.
    """

    gates: int = Field(1, ge=1)


class CZLocalPhases(Routine[CZLocalPhasesSettings]):
    """Each qubit on the equator in its turn, the other in 0 and in 1; both phases' mean is its own."""

    name = "cz_local_phases"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("cz_phase",)
    timeout_h = 24.0
    settings = CZLocalPhasesSettings()

    def passes(self, settings: CZLocalPhasesSettings) -> Sequence[CZLocalPhasesSettings]:
        """One gate tells the phase within a turn, nine to a ninth of the error."""
        return [settings, settings.model_copy(update={"gates": 9 * settings.gates})]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CZLocalPhasesSettings) -> Sequence[Axis]:
        """Which qubit, the other's level, and sides."""
        return [Axis("of", np.array([0.0, 1.0]), stepped=True), conditional.OTHER, bloch.sides()]

    def play(self, page: Page, at: Point, settings: CZLocalPhasesSettings) -> None:
        """The gate as it is."""
        conditional.play(page, at, int(at.number("of")), settings.gates)

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The virtual Z that were played."""
        first, second = virtual_z(snapshot, "cz", target)
        return {"first": first, "second": second}

    def fit_one(self, data: Measured) -> Fit:
        """What is left, divided by the gates."""
        gates = CZLocalPhasesSettings.model_validate_json(data.attrs["settings"]).gates
        left, error, length = _left(data, gates)
        numbers = {}
        for place, name in enumerate(("first", "second")):
            # with the other qubit in 1, a cz turns by half a turn more
            ahead = bloch.wrap_phase(left[place, 1] - left[place, 0]) / 2
            middle = bloch.wrap_phase(left[place, 0] + ahead)
            sigma = float(np.hypot(*error[place])) / 2 / gates
            numbers[name] = (float(bloch.wrap_phase(float(data[name]) - middle / gates)), sigma, "rad")
            numbers[f"{name}_left"] = (float(middle / gates), sigma, "rad")
        if length.min() < conditional.LEAST:
            return bad("a qubit is not seen on the equator", **numbers)
        if error.max() > conditional.UNSURE:
            return bad("opposite sides of a qubit's vector contradict each other", **numbers)
        if np.abs(bloch.wrap_phase(left[:, 1] - left[:, 0])).max() > 1.2:
            return bad("the gates are far from whole turns of conditional phase", **numbers)
        return good(None, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Virtual Z of ``cz``."""
        return with_virtual_z(snapshot, "cz", fit.target, (fit["first"], fit["second"]))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 0.03 rad."""
        known = virtual_z(snapshot, "cz", fit.target)
        found = (fit["first"], fit["second"])
        return max(abs(float(bloch.wrap_phase(f - k))) for f, k in zip(found, known, strict=True)) / 0.03

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """What is left of each qubit with the other in 0 and in 1."""
        left, error, _ = _left(data, CZLocalPhasesSettings.model_validate_json(data.attrs["settings"]).gates)
        return {"x": np.arange(4), "y": left.ravel(), "error": error.ravel(), "label": "qubit, level of the other"}


def _left(data: Measured, gates: int) -> tuple[Values, Values, Values]:
    """``[of, other]``: phases beyond those of perfect gates, their errors, lengths of the vectors."""
    parts = [conditional.turned(data.at(of=place), place) for place in (0, 1)]
    phase, error, length = (np.stack([part[k] for part in parts]) for k in range(3))
    return bloch.wrap_phase(phase - gates * np.pi * np.array([0.0, 1.0])), error, length
