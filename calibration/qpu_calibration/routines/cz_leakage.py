"""What a cz loses of |11>."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import fit_curve
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings


class CZLeakageSettings(Settings):
    """The trains.

    Attributes:
        longest: Gates of the longest.
        trains: Lengths, from 0 on.
        most: Leakage of one gate above which users should not have it.
    """

    shots: int = Field(2000, ge=1)
    longest: int = Field(60, ge=4)
    trains: int = Field(6, ge=3)
    most: float = Field(5e-3, gt=0, lt=1)


class CZLeakage(Routine[CZLeakageSettings]):
    """Trains of ``cz`` on |11>, and waits as long: what vanishes faster than by relaxation has left for |02> or |20>.

    The readout knows two answers only: level 2 is taken for one of them, but its partner is then in 0. So the share of the answer
    11 tells. What leaks coherently comes back in longer trains: that scatters around the exponentials and makes the error larger.
    """

    name = "cz_leakage"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("cz_phase",)
    essential = False
    reading = Reading.JOINT
    settings = CZLeakageSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CZLeakageSettings) -> Sequence[Axis]:
        """Gates or waits; how many."""
        lengths = np.unique(np.linspace(0, settings.longest, settings.trains).round())
        return [Axis("played", np.array([0.0, 1.0]), stepped=True), Axis("gates", lengths, stepped=True)]

    def play(self, page: Page, at: Point, settings: CZLeakageSettings) -> None:
        """|11>, then gates, or gates without flux."""
        page.x()
        page.x(of=1)
        page.barrier()
        for _ in range(int(at.number("gates"))):
            page.gate("cz", played=None if at.number("played") else lambda *_: (0.0, 0.0))
        page.barrier()
        page.measure()

    def fit_one(self, data: xr.Dataset) -> Fit:
        """Two exponentials of one height; their rates' difference is the leakage."""
        settings = CZLeakageSettings.model_validate_json(data.attrs["settings"])
        x, y, sigma = _kept(data)
        span = float(settings.longest)
        starts = [{"height": y.max(), "rate": r / span, "leakage": k / span} for r in (0.01, 0.1, 0.4) for k in (0.0, 0.05, 0.5)]
        bounds = {"height": (0.0, 1.2), "rate": (0.0, 5 / span), "leakage": (-1 / span, 10 / span)}
        found = fit_curve(trains, x, y, sigma, starts, bounds)
        numbers = {"leakage": found.of("leakage")}
        if found.value["height"] < 0.6:
            return bad("the pair is not brought to 11", found, **numbers)
        if found.error["leakage"] > settings.most:
            return bad("the leakage is not told apart from what is allowed", found, **numbers)
        return good(found, **numbers)

    def complaint(self, snapshot: Snapshot, fit: Fit) -> str:
        """Where too much leaks."""
        lost, most = fit["leakage"], self.settings.most
        return f"cz loses {lost:.2g} of 11" if lost - 2 * fit.error("leakage") > most else ""

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """Share of 11 after gates and after waits."""
        x, y, sigma = _kept(data)
        found = {"x": x[1], "y": y, "error": sigma, "label": "gates, waits"}
        return found | ({"model_x": x[1][x[0] > 0], "model": trains(x[:, x[0] > 0], **fit.shape)} if fit.shape else {})


def _kept(data: xr.Dataset) -> tuple[Values, Values, Values]:
    """``[played or not, number]`` of each train; share of 11, readout errors undone, and its error."""
    shots, share = float(data.attrs["shots"]), data["joint"].values
    # both qubits' answers are independent: the share of 11 is undone qubit by qubit
    undo = [
        np.linalg.inv([[1 - low, high], [low, 1 - high]])[1]
        for low, high in zip(data["prob_meas1_prep0"].values, data["prob_meas0_prep1"].values, strict=True)
    ]
    weights = np.array([undo[0][outcome & 1] * undo[1][outcome >> 1] for outcome in range(4)])
    likely = (share * shots + 1) / (shots + 4)
    y = share @ weights
    sigma = np.sqrt(np.maximum(likely @ weights**2 - (likely @ weights) ** 2, 0) / shots)
    played, gates = np.meshgrid(data["played"], data["gates"], indexing="ij")
    return np.stack([played.ravel(), gates.ravel()]), y.ravel(), sigma.ravel()


def trains(x: Values, height: float, rate: float, leakage: float) -> Values:
    """Share of 11."""
    return np.asarray(height * np.exp(-(rate + leakage * x[0]) * x[1]))
