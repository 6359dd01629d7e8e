"""Qubit spectroscopy: f01, roughly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from qpu_bridge.schedule import Waveform
from qpu_bridge.schedule.shapes import gaussian
from qpu_bridge.target import Snapshot, waveform
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.edit import amplitude, drag_pulse, with_frequency
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.line import find_line, peak
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reach import frequency_range
from qpu_calibration.reading import Reading, iq_projection
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search


class QubitSpectroscopySettings(Settings):
    """One scan.

    Attributes:
        span_hz: Half of the scan, around the frequency that is believed.
        points: Frequencies.
        pulse_s: Length of the pulse; its spectrum is about as wide as one over a third of it.
        turn: Rotation on resonance in units of pi, if the pi amplitude is as believed.
    """

    shots: int = Field(400, ge=1)
    span_hz: float = Field(40e6, gt=0)
    points: int = Field(61, ge=16)
    pulse_s: float = Field(200e-9, gt=0)
    turn: float = Field(0.7, gt=0)


class QubitSpectroscopy(Routine[QubitSpectroscopySettings]):
    """A weak pulse of varied frequency, then readout: first short and far, then long and near."""

    name = "qubit_spectroscopy"
    depends_on = ("resonator_spectroscopy",)
    invalidates = ("ramsey",)
    timeout_h = 168.0
    reading = Reading.MEAN
    settings = QubitSpectroscopySettings()

    def passes(self, settings: QubitSpectroscopySettings) -> Sequence[QubitSpectroscopySettings]:
        """A second scan ten times as fine."""
        fine = {"span_hz": settings.span_hz / 10, "pulse_s": settings.pulse_s * 6, "points": min(settings.points, 41)}
        return [settings, settings.model_copy(update=fine)]

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: QubitSpectroscopySettings) -> Sequence[Axis]:
        """Frequencies around each target's own."""
        believed = np.array([snapshot.qubits[q].frequency for (q,) in targets])
        tones = believed[:, None] + np.linspace(-1, 1, settings.points) * settings.span_hz
        allowed = frequency_range(snapshot, [snapshot.qubits[q].drive_frame for (q,) in targets])
        return [Axis("frequency", tones, "Hz", reach=allowed)]

    def play(self, page: Page, at: Point, settings: QubitSpectroscopySettings) -> None:
        """A long Gaussian pulse of the area that the believed pi pulse says."""
        pulse = long_pulse(page.snapshot, settings.pulse_s)
        levels = [settings.turn * weak(page.snapshot, q, settings.pulse_s) for (q,) in page.targets]
        page.drive(pulse, np.array(levels)[:, None], frequency=at["frequency"])
        page.measure()

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """One line."""
        x, (y, sigma) = data["frequency"], iq_projection(data)
        found, wrong = yield from find_line(x, y, sigma)
        if not wrong:
            bounds = {"width": (0.0, x[-1] - x[0])}
            found = yield Search(peak, x, y, _projected(data, sigma, found), found.value, bounds)
        numbers = {"f01": found.of("centre", "Hz"), "width": found.of("width", "Hz")}
        return bad(wrong, found, **numbers) if wrong else good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """F01 and all carriers that follow the qubit."""
        return with_frequency(snapshot, fit.qubit, fit["f01"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of 300 kHz, which a Ramsey fringe repairs."""
        return abs(fit["f01"] - snapshot.qubits[fit.qubit].frequency) / 300e3

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """IQ points along the direction in which they move."""
        return drawn(data["frequency"], iq_projection(data)[0], peak, fit, "drive frequency, GHz", scale=1e-9)


def _projected(data: Measured, sigma: Values, found: CurveFit) -> Values:
    """Errors with projection noise, which the scatter across does not show; it is most on the flanks, which tell the centre."""
    settings = QubitSpectroscopySettings.model_validate_json(data.attrs["settings"])
    # a pulse that is believed to turn by nothing or by whole turns has no line that could be found
    top = max(float(np.sin(np.pi / 2 * settings.turn) ** 2), 0.05)
    height = found.value["height"]
    population = top * (peak(data["frequency"], **found.value) - found.value["base"]) / height
    noise = height / top * np.sqrt(population * (1 - population) / float(data.attrs["shots"]))
    return np.asarray(np.hypot(sigma, noise))


def long_pulse(snapshot: Snapshot, seconds: float) -> Waveform:
    """A Gaussian, four standard deviations long, on the machine's grid."""
    grain = snapshot.timing.granularity
    ticks = max(grain, round(seconds / float(snapshot.timing.dt) / grain) * grain)
    return gaussian(ticks, ticks / 4)


def weak(snapshot: Snapshot, qubit: int, seconds: float) -> float:
    """The amplitude at which a long pulse has the area of the believed pi pulse."""
    area = waveform(drag_pulse(snapshot, qubit)[1]).expand().real.sum()
    return float(amplitude(snapshot, qubit) * area / long_pulse(snapshot, seconds).expand().real.sum())
