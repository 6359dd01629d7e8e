"""Resonator spectroscopy: where a qubit's readout resonator answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.curve import CurveFit
from qpu_calibration.edit import with_readout_frequency
from qpu_calibration.fit import Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, drawn
from qpu_calibration.plan import Point
from qpu_calibration.reach import frequency_range
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search

Complex = NDArray[np.complex128]
TAU = 2 * np.pi
WIDTHS = (0.02, 0.06, 0.15, 0.4)
"""Linewidths at which a fit may begin, in units of the scan."""


class ResonatorSpectroscopySettings(Settings):
    """How the frequency is scanned.

    Attributes:
        span_hz: Half of the scan, around the frequency that is believed.
        points: Frequencies.
    """

    shots: int = Field(200, ge=1)
    span_hz: float = Field(12e6, gt=0)
    points: int = Field(81, ge=16)


class ResonatorSpectroscopy(Routine[ResonatorSpectroscopySettings]):
    """A readout tone of varied frequency on an idle qubit.

    Finds the resonance of level 0. How the line is built does not matter: transmission, reflection and notch are all a constant
    plus a resonance, times the phase of a cable.
    """

    name = "resonator_spectroscopy"
    invalidates = ("readout_frequency", "readout_kernel", "readout")
    timeout_h = 168.0
    reading = Reading.MEAN
    settings = ResonatorSpectroscopySettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ResonatorSpectroscopySettings) -> Sequence[Axis]:
        """Frequencies around each target's own."""
        believed = [readout_frequency(snapshot, q) for (q,) in targets]
        around = np.linspace(-settings.span_hz, settings.span_hz, settings.points)
        tones = [snapshot.measure(q).drive_frame for (q,) in targets]
        return [Axis("frequency", np.array(believed)[:, None] + around, "Hz", reach=frequency_range(snapshot, tones))]

    def play(self, page: Page, at: Point, settings: ResonatorSpectroscopySettings) -> None:
        """The readout alone; the kernel is not known yet."""
        page.measure(frequency=at["frequency"], plain=True)

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """When the capture begins and ends, after the tone's beginning."""
        return capture(snapshot, target[0])

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """A complex resonance on a constant."""
        x, y = data["frequency"], data["iq"].astype(complex)
        found, share = yield from _resonance(x, y, float(data["begins"]), float(data["ends"]))
        numbers = {"frequency": found.of("frequency", "Hz"), "linewidth": found.of("linewidth", "Hz")}
        if share < 0.5:
            return bad("no resonance stands out of the noise", found, **numbers)
        if share < 0.95:
            return bad("the answer is not that of one resonance", found, **numbers)
        if not x[0] < found.value["frequency"] < x[-1]:
            return bad("the resonance lies outside of the scan", found, **numbers)
        if found.value["linewidth"] > (x[-1] - x[0]) / 1.5:
            return bad("the resonance is as wide as the scan", found, **numbers)
        return good(found, **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Tone and capture at the resonance of level 0, which then differs most in size from that of level 1."""
        return with_readout_frequency(snapshot, fit.qubit, fit["frequency"])

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """In units of half a linewidth: the readout is later moved between the levels' resonances."""
        return abs(fit["frequency"] - readout_frequency(snapshot, fit.qubit)) / (0.75 * fit["linewidth"])

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Size of the response."""
        y = np.abs(data["iq"])
        size = partial(_size, begins=float(data["begins"]), ends=float(data["ends"]))
        return drawn(data["frequency"], y, size, fit, "readout frequency, GHz", scale=1e-9)


def readout_frequency(snapshot: Snapshot, qubit: int) -> float:
    """At which a qubit is read, Hz."""
    return snapshot.frame(snapshot.measure(qubit).drive_frame).frequency


def capture(snapshot: Snapshot, qubit: int) -> dict[str, float]:
    """When a qubit's capture ``begins`` and ``ends``, s after the tone's beginning."""
    measure = snapshot.measure(qubit)
    begins = measure.acquire_start * float(snapshot.timing.dt)
    dt = float(snapshot.port(snapshot.frame(measure.acquire_frame).port).dt)
    return {"begins": begins, "ends": begins + measure.acquire_duration * dt}


def answer(off: Values, linewidth: Values | float, begins: float, ends: float) -> Complex:
    """Mean over a capture of what a resonator gives back that begins to ring with the tone, 1 for long captures on resonance.

    Left out, ringing up would pass for another linewidth. Signs as in the README of `qpu_bridge.schedule`: phases run as
    exp(-i omega t).

    Args:
        off: Tones less the resonance, Hz.
        linewidth: Hz.
        begins: Of the capture, s after the tone's beginning.
        ends: Of the capture.
    """
    fades, turns = np.pi * np.asarray(linewidth), TAU * np.asarray(off)
    # one over the rate of both
    steady = (fades + 1j * turns) / (fades**2 + turns**2)
    begun, ended = (np.exp(-fades * time) * _wave(turns * time) for time in (begins, ends))
    return np.asarray(fades * steady * (1 - (begun - ended) * steady / (ends - begins)))


def _wave(phase: Values) -> Complex:
    """``exp(i phase)`` by the tangent of the half angle: NumPy takes six times as long for a complex power."""
    tangent = np.tan(phase / 2)
    share = 2 / (1 + tangent**2)
    return np.asarray(share - 1 + 1j * (tangent * share))


@lru_cache
def _behind_cable(begins: float, ends: float) -> Callable[..., Values]:
    """Constant and resonance at tones ``[tone in Hz, less the middle of the scan]``: real parts, then imaginary parts."""

    def model(x: Values, frequency: Values, linewidth: Values, delay: Values, **weights: Values) -> Values:
        still, weight = (weights[f"{name}_real"] + 1j * weights[f"{name}_imag"] for name in ("still", "weight"))
        found = _wave(-TAU * delay * x[1]) * (still + weight * answer(x[0] - frequency, linewidth, begins, ends))
        return np.concatenate([found.real, found.imag], axis=-1)

    return model


@lru_cache
def _shapes(span: float, points: int, begins: float, ends: float) -> tuple[Values, Values, Complex]:
    """Resonances ``complex[k, points]`` over an even scan, less their mean, of length 1: where (Hz from its start), how wide."""
    places, widths = (span * part.ravel() for part in np.meshgrid(np.linspace(0.05, 0.95, 37), WIDTHS, indexing="ij"))
    found = answer(np.linspace(0, span, points) - places[:, None], widths[:, None], begins, ends)
    found = found - found.mean(axis=1, keepdims=True)
    return places, widths, found / np.linalg.norm(found, axis=1, keepdims=True)


def _resonance(x: Values, y: Complex, begins: float, ends: float) -> Asking[tuple[CurveFit, float]]:
    """Fit, and which share of the signal's variation the resonance explains (0 for noise; a constant explains nothing)."""
    span, scale, away = x[-1] - x[0], np.abs(y).max() or 1.0, x - x.mean()
    # without a cable, a resonance explains what of the variation lies along its own
    places, widths, shapes = _shapes(round(span), len(x), begins, ends)
    # a sum, no product: BLAS would wake its threads for so little
    first = int(np.argmax(np.abs((shapes * np.conj(y - y.mean())).sum(axis=1))))
    near = {"frequency": x[0] + places[first], "linewidth": widths[first]}
    bare = answer(x - near["frequency"], near["linewidth"], begins, ends)
    (still, weight), *_ = np.linalg.lstsq(np.stack([np.ones(len(x)), bare], axis=1), y, rcond=None)
    linear = {"still_real": still.real, "still_imag": still.imag, "weight_real": weight.real, "weight_imag": weight.imag}
    bounds = {
        "frequency": (x[0] - span / 2, x[-1] + span / 2),
        "linewidth": (span / len(x), 4 * span),
        "delay": (-8 / span, 8 / span),
    }
    both, size = np.concatenate([y.real, y.imag]), np.full(2 * len(x), scale)
    found = yield Search(_behind_cable(begins, ends), np.stack([x, away]), both, size, near | {"delay": 0.0} | linear, bounds)
    value = dict(found.value)
    cable = np.exp(-TAU * 1j * value.pop("delay") * away)
    # nothing says the points' errors but how they scatter about the curve
    scatter = np.sqrt(found.chi_square)
    error = dict.fromkeys(value, np.inf) | {name: found.error[name] * scatter for name in near}
    left, flat = found.chi_square * (both.size - len(found.value)) * scale**2, y - cable * np.mean(np.conj(cable) * y)
    varies = float(np.sum(np.abs(flat) ** 2))
    # a line that gives nothing, or the same at all frequencies, leaves nothing to be explained
    share = 1 - left / varies if varies > 1e-18 * scale**2 else 0.0
    return CurveFit(value, error, 1.0), share


def _size(
    x: Values,
    frequency: float,
    linewidth: float,
    still_real: float,
    still_imag: float,
    weight_real: float,
    weight_imag: float,
    begins: float,
    ends: float,
) -> Values:
    weight = (weight_real + 1j * weight_imag) * answer(x - frequency, linewidth, begins, ends)
    return np.asarray(np.abs(still_real + 1j * still_imag + weight))
