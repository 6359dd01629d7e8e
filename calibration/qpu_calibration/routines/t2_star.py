"""T2*: in what time a superposition that is left alone fades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import SLOW, CurveFit, random_effect
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.routine import Routine
from qpu_calibration.routines.ramsey import QUADRATURES, TAU, first_quadrature, points
from qpu_calibration.routines.t1 import Waits, mixed, spread
from qpu_calibration.search import Asking, Search, grid

SHARED = 0.5
"""Square root of the largest share of a point's shots that can have the same slow noise."""


class T2StarSettings(Waits):
    """How long is waited, in units of T2.

    Attributes:
        fringes: Artificial fringes over the scan, against which f01 may be wrong.
    """

    shots: int = Field(500, ge=1)
    points: int = Field(31, ge=12)
    longest: float = Field(1.6, gt=0)
    fringes: float = Field(3.0, ge=0)


class T2Star(Routine[T2StarSettings]):
    """Ramsey fringes in both quadratures, over waits that are denser where they are short.

    White noise fades a fringe as an exponential, noise slower than a shot as a Gaussian, and 1/f noise between them: the
    envelope is a product of both that falls to 1/e at T2*.
    """

    name = "t2_star"
    depends_on = ("fine_amplitude", "echo")
    essential = False
    timeout_h = 24.0
    settings = T2StarSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: T2StarSettings) -> Sequence[Axis]:
        """Waits, and at each which quadrature is read."""
        return [mixed(spread(snapshot, [snapshot.qubits[q].t2 for (q,) in targets], settings)), QUADRATURES]

    def play(self, page: Page, at: Point, settings: T2StarSettings) -> None:
        """The second pulse turns with the wait."""
        page.sx()
        page.wait(at["delay"])
        page.sx(phase=TAU * settings.fringes / np.max(at["delay"]) * at["delay"] + at["quadrature"])
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A fringe in its envelope."""
        settings = T2StarSettings.model_validate_json(data.attrs["settings"])
        x, y, sigma = points(data)
        span = x[0].max()
        times, frequencies = span / np.array([1, 2, 4, 10]), settings.fringes / span + np.linspace(-3, 3, 13) / span
        starts = grid(height=0.5, frequency=frequencies, t2=times, slow=[0.2, 0.8], base=0.5)
        # a little beyond what noise can do, lest the error of T2* be cut at the edge
        bounds = {"height": (0.0, 1.0), "slow": (-0.6, 1.6), "t2": (span / 300, 20 * span), "base": (0.0, 1.0)}
        found = yield Search(fringe, x, y, sigma, starts, bounds)
        # slow noise explains some of what is off, not all
        reason = found.fault(SLOW)
        found = yield Search(fringe, x, y, _wandering(x, y, sigma, found), found.value, bounds)
        numbers = {
            "t2_star": found.of("t2", "s"),
            "slow_share": found.of("slow"),
            "detuning": (found.value["frequency"] - settings.fringes / span, found.error["frequency"], "Hz"),
        }
        if found.value["height"] < 0.15 or found.value["height"] < 6 * found.error["height"]:
            return bad("no fringe stands out of the noise", found, **numbers)
        if not found.error["t2"] < 0.3 * found.value["t2"]:
            return bad("the waits do not tell T2*", found, **numbers)
        if abs(numbers["detuning"][0]) > 0.25 * (y.size / 2 - 1) / span:
            return bad("the fringe is too fast for the scan", found, **numbers)
        return bad(reason, found, **numbers) if reason else good(found, SLOW, **numbers)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """The first quadrature."""
        return first_quadrature(data, fringe, fit)


def _wandering(x: Values, y: Values, sigma: Values, found: CurveFit) -> Values:
    """Errors with slow noise, which shots of a point share in part: phases of a Gaussian spread that the envelope tells."""
    if not np.isfinite(found.chi_square):
        return sigma
    time, slow = x[0] / found.value["t2"], min(max(found.value["slow"], 0.0), 1.0)
    left = np.exp(-2 * slow * time**2)
    turned = 2 * (TAU * found.value["frequency"] * x[0] + x[1])
    pattern = found.value["height"] * np.exp(-(1 - slow) * time) * np.sqrt((1 - left) * (1 - left * np.cos(turned)) / 2)
    return random_effect(sigma, pattern, fringe(x, **found.value) - y, len(found.value), SHARED)


def fringe(x: Values, height: float, frequency: float, t2: float, slow: float, base: float) -> Values:
    """Population after a wait ``x[0]`` (s) with the second pulse ``x[1]`` (rad) further on.

    Args:
        x: Waits and phases.
        height: Of the fringe.
        frequency: Hz.
        t2: Time in which the envelope falls to 1/e, s.
        slow: How much of that is Gaussian.
        base: Middle.
    """
    time = x[0] / t2
    envelope = np.exp(-(1 - slow) * time - slow * time**2)
    return np.asarray(base + height * envelope * np.cos(TAU * frequency * x[0] + x[1]))
