"""Hahn echo: T2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import SLOW, CurveFit
from qpu_calibration.edit import with_qubit
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine
from qpu_calibration.routines.t1 import PARTS, Waits, far, spread
from qpu_calibration.search import Asking, Search
from qpu_calibration.torn import torn

POWERS = (1.0, 2.0, 3.0)
"""Of the wait: white noise takes an echo with the first, 1/f noise with the second, noise that drifts with the third."""


class EchoSettings(Waits):
    """How long is waited, in units of T2."""

    shots: int = Field(500, ge=1)
    points: int = Field(21, ge=8)
    longest: float = Field(2.5, gt=0)


class Echo(Routine[EchoSettings]):
    """Half a wait on either side of a pulse that turns the qubit over; the last pulse forwards and backwards.

    The difference of both ends forgets what has relaxed meanwhile.
    """

    name = "echo"
    depends_on = ("fine_amplitude",)
    tells = True
    restores = True  # waits of other routines follow T2, and reach far beyond it
    timeout_h = 12.0
    settings = EchoSettings()

    def passes(self, settings: EchoSettings) -> Sequence[EchoSettings]:
        """Far first: what is believed may be off by twenty times either way."""
        return [far(settings), settings]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: EchoSettings) -> Sequence[Axis]:
        """Which way the last pulse turns, and waits in all."""
        waits = spread(snapshot, [snapshot.qubits[q].t2 for (q,) in targets], settings, parts=2)
        return [Axis("last", np.array([0.0, np.pi]), "rad"), waits]

    def play(self, page: Page, at: Point, settings: EchoSettings) -> None:
        """The middle pulse about the other axis, so that its errors do not add to the first one's."""
        page.sx()
        page.wait(at["delay"] / 2)
        page.x(phase=np.pi / 2)
        page.wait(at["delay"] / 2)
        page.sx(phase=at["last"])
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """An exponential to zero."""
        x = data["delay"]
        y, sigma = excited(data)
        starts = {"height": 1.0, "t2": x[-1] / PARTS}
        curve = Search(contrast, x, y[0] - y[1], np.hypot(*sigma), starts, {"t2": (x[-1] / 4000, x[-1] * 20)})
        found = yield curve
        t2 = found.of("t2", "s")
        if found.value["height"] < 0.3 or found.value["height"] < 6 * found.error["height"]:
            return bad("no contrast stands out of the noise", found, t2=t2)
        if not t2[1] < 0.3 * t2[0]:
            return bad("the waits do not tell T2", found, t2=t2)
        if (yield from _lost(curve, found)):
            return bad("the contrast ends at once, as no noise takes it", found, t2=t2)
        # slow noise takes an echo faster than the exponential that is fitted
        return good(found, 2 * SLOW, t2=t2)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The number."""
        return with_qubit(snapshot, fit.qubit, t2=round(fit["t2"], 10))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 30 %, and of what the fit leaves open."""
        before = snapshot.qubits[fit.qubit].t2
        return fit.off("t2", before, 0.3 * before)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Contrast against wait."""
        y, sigma = excited(data)
        return drawn(data["delay"], y[0] - y[1], contrast, fit, "wait, us", np.hypot(*sigma), scale=1e6)


def _lost(curve: Search, found: CurveFit) -> Asking[bool]:
    """Whether the contrast was torn from anything between an exponential and what the slowest noise makes of it."""
    starts = {name: np.full(len(POWERS), value) for name, value in found.value.items()} | {"power": np.array(POWERS)}
    fading = replace(curve, model=faded, starts=starts, bounds={**curve.bounds, "power": (min(POWERS), max(POWERS))})
    smooth = yield fading
    return (yield from torn(fading, smooth, curve.x, 0.0))


def contrast(x: Values, height: float, t2: float) -> Values:
    """Difference of both ends against wait."""
    return height * np.exp(-x / t2)


def faded(x: Values, height: float, t2: float, power: float) -> Values:
    """`contrast` that fades by another power of the wait."""
    return np.asarray(height * np.exp(-((x / t2) ** power)))
