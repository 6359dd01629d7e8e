"""DRAG: the weight of the derivative at which opposite pulses undo each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot, waveform
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import amplitude, drag_pulse, with_beta
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.median import median
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid


class DragSettings(Settings):
    """One scan.

    Attributes:
        points: Values of beta.
        span: Half of the scan, in units of half the leakage optimum ``1 / (2 pi |anharmonicity| dt)``.
        pairs: Pairs of opposite pulses.
    """

    shots: int = Field(500, ge=1)
    points: int = Field(5, ge=4)
    span: float = Field(1.0, gt=0)
    pairs: int = Field(2, ge=1)


class Drag(Routine[DragSettings]):
    """Pairs of an ``x`` and its opposite, then an ``sx`` about the other axis, forwards and backwards.

    A pulse of the wrong beta turns about an axis that is tilted out of the plane by some angle; a pair then turns by four times
    that angle about the other axis of the plane, and pairs add up. The last pulse makes that linear, so that the sign is seen and
    few points tell where nothing is left. This is the optimum of the phase error, half of that of leakage (Motzoi et al., PRL
    103, 110501; Chen et al., PRL 116, 020501).
    """

    name = "drag"
    depends_on = ("anharmonicity",)
    look_share = 1
    timeout_h = 24.0
    settings = DragSettings()

    def passes(self, settings: DragSettings) -> Sequence[DragSettings]:
        """Few pairs and far, then many and near."""
        return [settings, settings.model_copy(update={"span": settings.span / 6, "pairs": settings.pairs * 6})]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: DragSettings) -> Sequence[Axis]:
        """Betas of each target, a schedule each; and which way the last pulse turns."""
        around = np.linspace(-settings.span, settings.span, settings.points)
        betas = [drag_pulse(snapshot, q)[1].beta + optimum(snapshot, q) * around for (q,) in targets]
        return [Axis("beta", np.array(betas), stepped=True), Axis("last", np.array([np.pi / 2, -np.pi / 2]), "rad")]

    def play(self, page: Page, at: Point, settings: DragSettings) -> None:
        """All pulses have the beta of the point."""
        betas = at.numbers("beta", len(page.targets))
        shapes = [
            waveform(drag_pulse(page.snapshot, q)[1].model_copy(update={"beta": beta}))
            for (q,), beta in zip(page.targets, betas, strict=True)
        ]
        level = np.array([amplitude(page.snapshot, q) for (q,) in page.targets])[:, None]
        half = np.array([amplitude(page.snapshot, q, "sx") for (q,) in page.targets])[:, None]
        page.train(shapes, level, [0.0, np.pi] * settings.pairs)
        page.drive(shapes, half, at["last"])
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The scale of beta."""
        return {"optimum": optimum(snapshot, target[0])}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Where the difference of both ends crosses zero."""
        y, sigma = excited(data)
        x, scale = data["beta"], abs(float(data["optimum"]))
        parts, error = y[:, 0] - y[:, 1], np.hypot(sigma[:, 0], sigma[:, 1])
        if np.ptp(parts) < 6 * float(median(error)):
            return bad("beta makes no difference that stands out of the noise")
        line = np.polyfit(x, parts, 1)
        betas = [-line[1] / line[0], x.mean(), x[0], x[-1]]
        starts = grid(height=0.9, slope=np.array([-2.7, -0.9, -0.3, 0.3, 0.9, 2.7]) / scale, beta=betas)
        bounds = {"height": (0.05, 1.0), "slope": (-12 / scale, 12 / scale), "beta": (x[0] - 2 * scale, x[-1] + 2 * scale)}
        found = yield Search(crossing, x, parts, error, starts, bounds)
        beta = found.of("beta")
        if not x[0] - 0.5 * np.ptp(x) < beta[0] < x[-1] + 0.5 * np.ptp(x):
            return bad("the crossing lies far outside of the scan", found, beta=beta)
        return good(found, beta=beta)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Beta of all the qubit's rotations."""
        return with_beta(snapshot, fit.qubit, fit["beta"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of a tenth of the optimum."""
        before = drag_pulse(snapshot, fit.qubit)[1].beta
        return abs(fit["beta"] - before) / abs(0.1 * optimum(snapshot, fit.qubit))

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Difference of both ends."""
        y, sigma = excited(data)
        return drawn(data["beta"], y[:, 0] - y[:, 1], crossing, fit, "beta, samples", np.hypot(sigma[:, 0], sigma[:, 1]))


def optimum(snapshot: Snapshot, qubit: int) -> float:
    """Half of the leakage optimum, samples: where the phase optimum is, roughly."""
    port = snapshot.port(snapshot.frame(snapshot.qubits[qubit].drive_frame).port)
    return float(-1 / (4 * np.pi * snapshot.qubits[qubit].anharmonicity * float(port.dt)))


def crossing(x: Values, height: float, slope: float, beta: float) -> Values:
    """Difference of the populations after both ends, with its slope at the crossing, which points tell whatever its height is."""
    return height * np.sin(slope / height * (x - beta))
