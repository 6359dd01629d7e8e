"""Hahn echo: T2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import SLOW
from qpu_calibration.edit import with_qubit
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine
from qpu_calibration.routines.t1 import PARTS, Waits, far, mixed, spread
from qpu_calibration.search import Asking, Search


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
        """Waits in all, and at each which way the last pulse turns."""
        waits = spread(snapshot, [snapshot.qubits[q].t2 for (q,) in targets], settings, parts=2)
        return [mixed(waits), Axis("last", np.array([0.0, np.pi]), "rad")]

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
        x, (y, sigma) = data["delay"], _contrast(data)
        starts, within = {"height": 1.0, "t2": x.max() / PARTS}, {"t2": (x.max() / 4000, x.max() * 20)}
        found = yield Search(contrast, x, y, sigma, starts, within)
        t2 = found.of("t2", "s")
        if found.value["height"] < 0.3 or found.value["height"] < 6 * found.error["height"]:
            return bad("no contrast stands out of the noise", found, t2=t2)
        if not t2[1] < 0.3 * t2[0]:
            return bad("the waits do not tell T2", found, t2=t2)
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
        y, sigma = _contrast(data)
        return drawn(data["delay"], y, contrast, fit, "wait, us", sigma, scale=1e6)


def _contrast(data: Measured) -> tuple[Values, Values]:
    """Difference of both ends at each wait, and its standard error."""
    y, sigma = excited(data)
    return y[:, 0] - y[:, 1], np.hypot(sigma[:, 0], sigma[:, 1])


def contrast(x: Values, height: float, t2: float) -> Values:
    """Difference of both ends against wait."""
    return height * np.exp(-x / t2)
