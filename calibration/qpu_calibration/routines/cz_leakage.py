"""What a cz loses of |11>."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.decays import UNLIKE
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid


class CZLeakageSettings(Settings):
    """The trains.

    Attributes:
        longest: Gates of the longest.
        trains: Lengths: 0, and from 1 on in equal ratios.
        samples: Trains of each length, with other waits.
        waits: Of how many lengths waits are, from 0 on in steps of the machine's grid.
        seed: Of the waits.
        most: Leakage of one gate above which users should not have it.
    """

    shots: int = Field(300, ge=1)
    longest: int = Field(40, ge=4)
    trains: int = Field(6, ge=4)
    samples: int = Field(10, ge=2)
    waits: int = Field(16, ge=4)
    seed: int = Field(1, ge=0)
    most: float = Field(5e-3, gt=0, lt=1)


class CZLeakage(Routine[CZLeakageSettings]):
    """Trains of ``cz`` on |11>, and waits as long: what vanishes faster than by relaxation has left for |02> or |20>.

    What leaks coherently comes back in trains of equal steps: after n gates ``L sin^2(n phi / 2) / sin^2(phi / 2)`` has left,
    which may be far less than ``n L`` or up to ``n^2 L``, as the phase ``phi`` that level 2 gains in a step happens to be. Random
    waits between the gates make that phase random (level 2 turns by the anharmonicity, some 300 MHz, against |11>), and what has
    left ``n L`` in the mean: populations go to and fro at the rate ``L``, and |11> keeps ``(1 + exp(-2 n L)) / 2``. ``L`` is what
    one gate takes from |11>.

    The readout knows two answers only: level 2 is taken for one of them, but its partner is then in 0. So the share of the answer
    11 tells.
    """

    name = "cz_leakage"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("cz_phase",)
    essential = False
    reading = Reading.JOINT
    settings = CZLeakageSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: CZLeakageSettings) -> Sequence[Axis]:
        """Gates or waits; how many; waits between them."""
        lengths = np.unique(np.geomspace(1, settings.longest, settings.trains - 1).round())
        return [
            Axis("played", np.array([0.0, 1.0]), stepped=True),
            Axis("gates", np.append(0, lengths), stepped=True),
            Axis("sample", np.arange(settings.samples, dtype=float), stepped=True),
        ]

    def play(self, page: Page, at: Point, settings: CZLeakageSettings) -> None:
        """|11>, then gates, or gates without flux."""
        page.x()
        page.x(of=1)
        page.barrier()
        grid = float(page.snapshot.timing.dt) * page.snapshot.timing.granularity
        gates = int(at.number("gates"))
        steps = np.random.default_rng([settings.seed, gates, int(at.number("sample"))]).integers(0, settings.waits, gates)
        for step in steps.tolist():
            page.wait(step * grid)
            page.gate("cz", played=None if at.number("played") else lambda *_: (0.0, 0.0))
        page.barrier()
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Two decays of one height."""
        settings = CZLeakageSettings.model_validate_json(data.attrs["settings"])
        x, y, sigma = _kept(data)
        span = float(settings.longest)
        starts = grid(height=y.max(), rate=np.array([0.01, 0.1, 0.4]) / span, leakage=np.array([0.0, 0.05, 0.5]) / span)
        bounds = {"height": (0.0, 1.2), "rate": (0.0, 5 / span), "leakage": (-1 / span, 10 / span)}
        found = yield Search(trains, x, y, sigma, starts, bounds)
        numbers = {"leakage": found.of("leakage")}
        if found.value["height"] < 0.6:
            return bad("the pair is not brought to 11", found, **numbers)
        if found.value["height"] > 1.02 + 5 * found.error["height"]:
            return bad("11 is read more often than the readout allows", found, **numbers)
        if found.error["leakage"] > max(settings.most, found.value["leakage"] / 2.5):
            return bad("the leakage is not told apart from what is allowed", found, **numbers)
        return good(found, UNLIKE, **numbers)

    def complaint(self, snapshot: Snapshot, fit: Fit) -> str:
        """Where too much leaks."""
        lost, most = fit["leakage"], self.settings.most
        return f"cz loses {lost:.2g} of 11" if lost - 2 * fit.error("leakage") > most else ""

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Share of 11 after gates and after waits."""
        x, y, sigma = _kept(data)
        found = {"x": x[1], "y": y, "error": sigma, "label": "gates, waits"}
        return found | ({"model_x": x[1][x[0] > 0], "model": trains(x[:, x[0] > 0], **fit.shape)} if fit.shape else {})


def _kept(data: Measured) -> tuple[Values, Values, Values]:
    """``[played or not, number]`` of the trains; share of 11, readout errors undone, mean of all samples, and its error.

    Samples may differ by more than their shots say, as level 2 interferes: then the error is that of their scatter.
    """
    shots, share = float(data.attrs["shots"]), data.along("joint", "played", "gates", "sample", "outcome")
    # both qubits' answers are independent: the share of 11 is undone qubit by qubit
    undo = [
        np.linalg.inv([[1 - low, high], [low, 1 - high]])[1]
        for low, high in zip(data["prob_meas1_prep0"], data["prob_meas0_prep1"], strict=True)
    ]
    weights = np.array([undo[0][outcome & 1] * undo[1][outcome >> 1] for outcome in range(4)])
    likely = (share * shots + 1) / (shots + 4)
    y = share @ weights
    variance = np.maximum(likely @ weights**2 - (likely @ weights) ** 2, 0).mean(axis=-1) / shots
    sigma = np.sqrt(np.maximum(variance, y.var(axis=-1, ddof=1)) / y.shape[-1])
    played, gates = np.meshgrid(data["played"], data["gates"], indexing="ij")
    return np.stack([played.ravel(), gates.ravel()]), y.mean(axis=-1).ravel(), sigma.ravel()


def trains(x: Values, height: float, rate: float, leakage: float) -> Values:
    """Share of 11."""
    return np.asarray(height * np.exp(-rate * x[1]) * (1 + np.exp(-2 * leakage * x[0] * x[1])) / 2)
