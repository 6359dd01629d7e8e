"""ZZ of a coupler at rest, signed (JAZZ)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values, delays
from qpu_calibration.curve import SLOW
from qpu_calibration.edit import with_zz
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Kind, Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid

TAU = 2 * np.pi


class ZZSettings(Settings):
    """The fringe.

    Attributes:
        longest_s: Longest wait.
        points: Waits.
        detuning_hz: By which the second pulse's phase runs ahead: up to twice that much ZZ is told apart, of either sign.
    """

    longest_s: float = Field(40e-6, gt=0)
    points: int = Field(61, ge=12)
    detuning_hz: float = Field(300e3, gt=0)


class ZZ(Routine[ZZSettings]):
    """An echo in which both qubits are flipped: what either feels alone is undone, what they feel together adds up.

    The first qubit then turns by half the ZZ (Garbow, Weitekamp, Pines, Chem. Phys. Lett. 93, 504 (1982); Ku et al., PRL 125,
    200504); a phase that runs ahead shows its sign.
    """

    name = "zz"
    kind = Kind.COUPLER
    depends_on = ("fine_amplitude", "readout")
    essential = False
    settings = ZZSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ZZSettings) -> Sequence[Axis]:
        """Waits, in two halves."""
        return [delays(snapshot, np.linspace(0, settings.longest_s, settings.points), parts=2)]

    def play(self, page: Page, at: Point, settings: ZZSettings) -> None:
        """Echo of the first qubit, the second flipped at its middle."""
        half = at["delay"] / 2
        page.sx()
        page.wait(half)
        page.x()
        page.x(of=1)
        page.wait(half)
        page.sx(phase=TAU * settings.detuning_hz * at["delay"])
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A decaying fringe; its frequency less the one put on is half the ZZ."""
        x, (y, sigma) = data["delay"], excited(data.at(place=0))
        ahead = ZZSettings.model_validate_json(data.attrs["settings"]).detuning_hz
        span = float(np.ptp(x))
        frequencies = np.linspace(0.1, 1.9, 19 + round(4 * ahead * span)) * ahead
        phases = [0.0, np.pi / 2, np.pi, -np.pi / 2]
        starts = grid(height=0.45, f=frequencies, phase=phases, rate=0.5 / span, base=0.5)
        bounds = {"height": (0.0, 0.7), "f": (0.0, 2.2 * ahead), "rate": (-0.2 / span, 10 / span), "base": (0.2, 0.8)}
        found = yield Search(fringe, x, y, sigma, starts, bounds)
        number = (2 * (found.value["f"] - ahead), 2 * found.error["f"], "Hz")
        if not found.value["height"] > max(0.1, 5 * found.error["height"]):
            return bad("no fringe stands out of the noise", found, zz=number)
        if not 0.05 < found.value["f"] / ahead < 1.95:
            return bad("the ZZ is beyond what this detuning tells apart", found, zz=number)
        return good(found, SLOW, zz=number)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The coupling's ZZ."""
        return with_zz(snapshot, fit.target, fit["zz"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 3 kHz; nothing where none is known yet."""
        known = snapshot.zz(*fit.target)
        return 0.0 if known is None else abs(fit["zz"] - known) / 3e3

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """The fringe."""
        y, sigma = excited(data.at(place=0))
        return drawn(data["delay"], y, fringe, fit, "delay, us", sigma, scale=1e6)


def fringe(x: Values, height: float, f: float, phase: float, rate: float, base: float) -> Values:
    """Population against wait."""
    return base + height * np.exp(-rate * x) * np.cos(TAU * f * x + phase)
