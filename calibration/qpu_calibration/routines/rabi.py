"""Rabi oscillation: the amplitude of a pi pulse, roughly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.target import Snapshot, waveform
from qpu_calibration.axis import Axis, Values
from qpu_calibration.cross import rabi_rate
from qpu_calibration.curve import CurveFit
from qpu_calibration.edit import amplitude, drag_pulse, with_amplitude
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reach import amplitude_range
from qpu_calibration.reading import Reading, iq_projection
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid

TURNS = (0.35, 12.0)
"""Pi pulses that the scan may hold: with fewer there is no oscillation, with more it is not resolved."""


class RabiSettings(Settings):
    """How the amplitude is scanned.

    Attributes:
        points: Amplitudes, from 0 on.
        most: The largest, in units of the pi amplitude that is believed.
    """

    points: int = Field(41, ge=8)
    most: float = Field(3.2, gt=0)


class Rabi(Routine[RabiSettings]):
    """One pulse of growing amplitude. Needs no line between the clouds: averaged points tell by where they move."""

    name = "rabi"
    depends_on = ("qubit_spectroscopy",)
    invalidates = ("fine_amplitude",)
    reading = Reading.MEAN
    settings = RabiSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: RabiSettings) -> Sequence[Axis]:
        """Amplitudes of each target's own scan."""
        most = [settings.most * abs(amplitude(snapshot, q)) for (q,) in targets]
        drives = [snapshot.qubits[q].drive_frame for (q,) in targets]
        allowed = amplitude_range(snapshot, drives, [waveform(drag_pulse(snapshot, q)[1]) for (q,) in targets])
        return [Axis("amplitude", np.linspace(0, 1, settings.points) * np.array(most)[:, None], reach=allowed)]

    def play(self, page: Page, at: Point, settings: RabiSettings) -> None:
        """One pulse in the shape of the calibrated ``x``."""
        shapes = [waveform(drag_pulse(page.snapshot, q)[1]) for (q,) in page.targets]
        page.drive(shapes, at["amplitude"])
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """By how much strong pulses turn less than weak ones make expect."""
        return {"bend": bend(snapshot, target[0])}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A cosine with its first extremum at amplitude 0."""
        x = _turning(data)
        y, sigma = iq_projection(data)
        size = float(np.ptp(y))
        starts = grid(height=[size, -size], pi=x[-1] / np.linspace(*TURNS, 60), base=y[0])
        bounds = {"pi": (x[-1] / 30, 30 * x[-1])}
        found = yield Search(oscillation, x, y, sigma, starts, bounds)
        found = yield Search(oscillation, x, y, _projected(x, sigma, found, float(data.attrs["shots"])), found.value, bounds)
        turns = x[-1] / found.value["pi"]
        height = abs(found.value["height"])
        level, error, unit = found.of("pi")
        pi = (level * (1 + float(data["bend"]) * level**2), error, unit)
        if height < 6 * found.error["height"]:
            return bad("no oscillation stands out of the noise", found, pi_amplitude=pi)
        if not TURNS[0] < turns < TURNS[1]:
            return bad(f"the scan holds {turns:.2g} pi pulses, too few or too many to tell", found, pi_amplitude=pi)
        return good(found, pi_amplitude=pi)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Both ``x`` and ``sx``; what parts them is for the fine amplitudes to find."""
        after = with_amplitude(snapshot, fit.qubit, "x", fit["pi_amplitude"])
        return with_amplitude(after, fit.qubit, "sx", fit["pi_amplitude"] / 2)

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 3 %."""
        return abs(fit["pi_amplitude"] / amplitude(snapshot, fit.qubit) - 1) / 0.03

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """IQ points along the direction in which they move."""
        y, _ = iq_projection(data)
        return drawn(_turning(data), y, oscillation, fit, "amplitude")


def bend(snapshot: Snapshot, qubit: int) -> float:
    """By how much less than in proportion a pulse of full scale turns: ``rate**2 / (8 anharmonicity**2)``, its envelope's mean.

    Level 2 takes that away: an eighth at the DRAG weight of least phase error, a quarter without DRAG (third order in the rate,
    the expansion of Motzoi et al., PRL 103, 110501). A scan to three pi pulses that leaves it out finds one 0.2 % too large.
    """
    level = snapshot.qubits[qubit].anharmonicity
    shape = waveform(drag_pulse(snapshot, qubit)[1]).expand().real
    return float((rabi_rate(snapshot, qubit) / level) ** 2 / 8 * (shape**3).sum() / shape.sum()) if level else 0.0


def _turning(data: Measured) -> Values:
    """Amplitudes in proportion to the angle by which they turn."""
    x = data["amplitude"]
    return np.asarray(x * (1 - float(data["bend"]) * x**2))


def _projected(x: Values, sigma: Values, found: CurveFit, shots: float) -> Values:
    """Errors with what the scatter across does not show: projection noise, most where the curve is steep and tells most."""
    share = np.sin(np.pi / 2 * x / found.value["pi"]) ** 2
    return np.asarray(np.hypot(sigma, found.value["height"] * np.sqrt(share * (1 - share) / shots)))


def oscillation(x: Values, height: float, pi: float, base: float) -> Values:
    """Population against amplitude."""
    return base + height * np.sin(np.pi / 2 * x / pi) ** 2
