"""T1: how long an excited qubit lives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values, delays
from qpu_calibration.curve import fit_curve
from qpu_calibration.edit import with_t1
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings

SHORT = 0.2
"""Share of the device's median T1 below which something eats up the qubit's energy, most often a two-level system nearby
(Klimov et al., PRL 121, 090502)."""


class T1Settings(Settings):
    """How long is waited.

    Attributes:
        points: Waits.
        longest: The longest, in units of the longest T1 believed of the targets.
    """

    shots: int = Field(500, ge=1)
    points: int = Field(25, ge=8)
    longest: float = Field(4.0, gt=0)


class T1(Routine[T1Settings]):
    """An ``x``, a wait, readout."""

    name = "t1"
    depends_on = ("fine_amplitude",)
    timeout_h = 1.0  # a look costs little, and users shall know of a defect that has come
    settings = T1Settings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: T1Settings) -> Sequence[Axis]:
        """Waits that also fit lives ten times shorter than the longest."""
        return [spread(snapshot, settings.longest * max(snapshot.qubits[q].t1 for (q,) in targets), settings.points)]

    def play(self, page: Page, at: Point, settings: T1Settings) -> None:
        """One wait."""
        page.x()
        page.wait(at["delay"])
        page.measure()

    def fit_one(self, data: xr.Dataset) -> Fit:
        """An exponential onto a constant."""
        x = data["delay"].values
        y, sigma = excited(data)
        starts = [{"height": 1.0, "t1": x[-1] / part, "base": 0.0} for part in (1, 3, 8, 20)]
        found = fit_curve(decay, x, y, sigma, starts, {"t1": (x[-1] / 1000, x[-1] * 20), "base": (-0.2, 0.5)})
        t1 = found.of("t1", "s")
        if found.value["height"] < 0.3 or found.value["height"] < 6 * found.error["height"]:
            return bad("no decay stands out of the noise", found, t1=t1)
        if not t1[1] < 0.3 * t1[0]:
            return bad("the waits do not tell T1", found, t1=t1)
        return good(found, t1=t1)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The number, and what follows from it."""
        return with_t1(snapshot, fit.qubit, fit["t1"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of a fifth, and of what the fit leaves open."""
        before = snapshot.qubits[fit.qubit].t1
        return fit.off("t1", before, 0.2 * before)

    def complaint(self, snapshot: Snapshot, fit: Fit) -> str:
        """A T1 far below that of the others."""
        usual = float(np.median([qubit.t1 for qubit in snapshot.qubits if qubit.index != fit.qubit] or [fit["t1"]]))
        if fit["t1"] + 3 * fit.error("t1") > SHORT * usual:
            return ""
        return f"T1 is {1e6 * fit['t1']:.3g} us, below {SHORT:.0%} of the others' median of {1e6 * usual:.3g} us"

    def curve(self, data: xr.Dataset, fit: Fit) -> Curve:
        """Population against wait."""
        y, sigma = excited(data)
        return drawn(data["delay"].values, y, decay, fit, "wait, us", sigma, scale=1e6)


def spread(snapshot: Snapshot, longest_s: float, points: int, parts: int = 1) -> Axis:
    """Waits to a longest one, denser where they are short."""
    return delays(snapshot, longest_s * np.linspace(0, 1, points) ** 2, parts=parts)


def decay(x: Values, height: float, t1: float, base: float) -> Values:
    """Population against wait."""
    return base + height * np.exp(-x / t1)
