"""Ramsey fringes: f01, with its sign, and T2*."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values, delays
from qpu_calibration.curve import SLOW, CurveFit, random_effect
from qpu_calibration.edit import with_frequency
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reading import excited
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid

TAU = 2 * np.pi
QUADRATURES = Axis("quadrature", np.array([0.0, np.pi / 2]), "rad")
"""How much further on the second pulse is."""
WANDERS = 0.15
"""Turns by which slow noise may part the means of two points at the longest wait; beyond, no fringe would be left."""


class RamseySettings(Settings):
    """One scan.

    Attributes:
        longest_s: Longest wait.
        points: Waits.
        fringes: Artificial fringes over the scan: the second pulse's phase runs ahead.
    """

    shots: int = Field(400, ge=1)
    longest_s: float = Field(30e-6, gt=0)
    points: int = Field(41, ge=16)
    fringes: float = Field(6.0, ge=0)


class Ramsey(Routine[RamseySettings]):
    """Two ``sx`` with a wait between, read in both quadratures: the fringe turns one way or the other, so the sign is seen.

    First a scan a tenth as long, which a spectroscopy's error cannot alias.
    """

    name = "ramsey"
    depends_on = ("readout",)
    restores = True
    timeout_h = 1.0  # a look costs little
    settings = RamseySettings()

    def passes(self, settings: RamseySettings) -> Sequence[RamseySettings]:
        """Short, then long."""
        return [settings.model_copy(update={"longest_s": settings.longest_s / 12}), settings]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RamseySettings) -> Sequence[Axis]:
        """Which quadrature is read, and waits."""
        waits = delays(snapshot, np.linspace(0, settings.longest_s, settings.points))
        return [QUADRATURES, waits]

    def play(self, page: Page, at: Point, settings: RamseySettings) -> None:
        """The second pulse turns with the wait."""
        page.sx()
        page.wait(at["delay"])
        page.sx(phase=TAU * settings.fringes / settings.longest_s * at["delay"] + at["quadrature"])
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """The carrier that the fringe is measured against."""
        return {"f01": snapshot.qubits[target[0]].frequency}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A fringe that turns and decays."""
        settings = RamseySettings.model_validate_json(data.attrs["settings"])
        x, y, sigma = points(data)
        waits, (first, second) = data["delay"], np.split(y, 2)
        span, artificial = waits[-1], settings.fringes / settings.longest_s
        seen = 2 * (first - first.mean()) - 2j * (second - second.mean())
        count = 8 * len(waits)
        peak = float(np.fft.fftfreq(count, span / (len(waits) - 1))[np.argmax(np.abs(np.fft.fft(seen, count)))])
        frequencies, rates = peak + np.array([-0.3, 0.0, 0.3]) / span, np.array([0.1, 1.0, 3.0]) / span
        starts = grid(height=0.5, frequency=frequencies, phase=0.0, rate=rates, base=0.5)
        bounds = {"height": (0.0, 1.0), "rate": (0.0, 30 / span), "phase": (-1.5, 1.5)}
        found = yield Search(fringe, x, y, sigma, starts, bounds)
        # slow noise explains some of what is off, not all
        reason = found.fault(SLOW)
        found = yield Search(fringe, x, y, _wandering(x, y, sigma, found), found.value, bounds)
        detuning = found.value["frequency"] - artificial
        numbers = {
            "f01": (float(data["f01"]) + detuning, found.error["frequency"], "Hz"),
            "detuning": (detuning, found.error["frequency"], "Hz"),
        }
        if found.value["height"] < 0.15 or found.value["height"] < 6 * found.error["height"]:
            return bad("no fringe stands out of the noise", found, **numbers)
        if abs(found.value["frequency"]) > 0.45 * (len(waits) - 1) / span:
            return bad("the fringe is too fast for the scan", found, **numbers)
        if found.value["rate"] * span > 12:
            return bad("the fringe is gone before its first turn", found, **numbers)
        return bad(reason, found, **numbers) if reason else good(found, SLOW, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """F01 and all carriers that follow the qubit."""
        return with_frequency(snapshot, fit.qubit, fit["f01"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 10 kHz: half a percent of a pi pulse's angle off axis is 1e-5 of infidelity."""
        return abs(fit["f01"] - snapshot.qubits[fit.qubit].frequency) / 10e3

    def brief(self, settings: RamseySettings) -> RamseySettings:
        """Few waits, each of few shots: all of them are fitted together.

        Four fringes: a qubit that has moved to where the fringe stands still, four over the scan away, would not be seen.
        """
        fewer = {"shots": min(settings.shots, 15), "points": 16, "fringes": min(settings.fringes, 4.0)}
        return settings.model_copy(update=fewer)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """The first quadrature."""
        return first_quadrature(data, fringe, fit)


def points(data: Measured) -> tuple[Values, Values, Values]:
    """``[wait in s, quadrature in rad]``, population, and standard error, of each point; one quadrature after the other."""
    order = [data.dims["ones"].index(dim) for dim in ("quadrature", "delay")]
    y, sigma = (part.transpose(order) for part in excited(data))
    quadrature, wait = np.meshgrid(data["quadrature"], data["delay"], indexing="ij")
    return np.stack([wait.ravel(), quadrature.ravel()]), y.ravel(), sigma.ravel()


def first_quadrature(data: Measured, model: Callable[..., Values], fit: Fit) -> Curve:
    """Points and curve of the first quadrature against wait, of a model that `points` were fitted with."""
    x, y, sigma = (np.split(part, 2, axis=-1)[0] for part in points(data))

    def along(waits: Values, **shape: float) -> Values:
        return model(np.stack([waits, np.zeros_like(waits)]), **shape)

    return drawn(x[0], y, along, fit, "wait, us", sigma, 1e6)


def _wandering(x: Values, y: Values, sigma: Values, found: CurveFit) -> Values:
    """Errors with slow noise: each point is measured at a frequency of its own, which moves long waits at steep places most."""
    if not np.isfinite(found.chi_square):
        return sigma
    height, frequency, phase, rate = (found.value[name] for name in ("height", "frequency", "phase", "rate"))
    slope = height * np.exp(-rate * x[0]) * TAU * x[0] * np.sin(TAU * frequency * x[0] + phase + x[1])
    return random_effect(sigma, slope, fringe(x, **found.value) - y, len(found.value), WANDERS / x[0].max())


def fringe(x: Values, height: float, frequency: float, phase: float, rate: float, base: float) -> Values:
    """Population after a wait ``x[0]`` (s) with the second pulse ``x[1]`` (rad) further on.

    A qubit above its carrier runs ahead of it like the second pulse's phase does behind: the frequencies add.
    """
    return np.asarray(base + height * np.exp(-rate * x[0]) * np.cos(TAU * frequency * x[0] + phase + x[1]))
