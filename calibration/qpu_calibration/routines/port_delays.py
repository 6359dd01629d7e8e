"""Delay of a coupler's flux line against the drive lines of its qubits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field
from scipy.special import erf

from qpu_bridge.schedule import Waveform
from qpu_bridge.target import Snapshot, waveform
from qpu_calibration import bloch
from qpu_calibration.axis import Axis, Values
from qpu_calibration.conditional import LEAST
from qpu_calibration.curve import CurveFit, several
from qpu_calibration.edit import amplitude, drag_pulse, flux_amplitude, flux_pulse, flux_window, with_flux_window
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve, beside, drawn
from qpu_calibration.plan import Kind, Point
from qpu_calibration.routine import Routine, Settings
from qpu_calibration.search import Asking, Search, grid

PLACES = ("first", "second")
"""Names of a pair's qubits in the results."""


class PortDelaysSettings(Settings):
    """How pulses are shifted.

    Attributes:
        span_s: The flux pulse comes up to so much before and after the pi pulse.
        points: Positions.
        level: Amplitude of the flux pulse, in units of that of ``cz``.
    """

    shots: int = Field(300, ge=1)
    span_s: float = Field(60e-9, gt=0)
    points: int = Field(13, ge=9)
    level: float = Field(0.5, gt=0, le=1)


class PortDelays(Routine[PortDelaysSettings]):
    """A qubit on the equator, a pi pulse, and a flux pulse that straddles it.

    What flux turns before the pi pulse is taken back, what it turns after it stays: the phase goes from one side to the other as
    the flux pulse moves, and is halfway where both arrive centred. Both envelopes are even in time, and so the curve is odd about
    that place, whatever flux does to the qubit. Each qubit of the pair in its turn; their difference is that of both drive lines.
    """

    name = "port_delays"
    kind = Kind.COUPLER
    gate = "cz"
    depends_on = ("fine_amplitude", "readout")
    essential = False
    timeout_h = 720.0
    settings = PortDelaysSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: PortDelaysSettings) -> Sequence[Axis]:
        """Which qubit, how much later than centred the flux pulse is sent, from where on the equator it begins, and sides."""
        tick = float(snapshot.timing.dt)
        lags = np.unique(np.rint(np.linspace(-settings.span_s, settings.span_s, settings.points) / tick)) * tick
        starts = Axis("begun", np.array([0.0, np.pi / 2]), "rad")
        return [Axis("of", np.array([0.0, 1.0]), stepped=True), Axis("lag", lags, "s", stepped=True), starts, bloch.sides()]

    def play(self, page: Page, at: Point, settings: PortDelaysSettings) -> None:
        """Both pulses between zeros, and a wait until what is late has arrived."""
        of, tick, grain = int(at.number("of")), float(page.snapshot.timing.dt), page.snapshot.timing.granularity
        span = -(-round(settings.span_s / tick) // grain) * grain
        lag = round(at.number("lag") / tick)
        pulses = [flux_pulse(page.snapshot, pair) for pair in page.targets]
        flips = [drag_pulse(page.snapshot, pair[of]) for pair in page.targets]
        fluxes = [waveform(page.snapshot.waveforms[pulse.waveform]) for pulse in pulses]
        turns = [waveform(shape) for _, shape in flips]
        half = -(-max(shape.duration for shape in (*fluxes, *turns)) // (2 * grain)) * grain + span
        page.sx(phase=np.pi / 2 + at["begun"], of=of)
        page.barrier()
        levels = np.array([flux_amplitude(page.snapshot, pair) for pair in page.targets])[:, None]
        page.play([pulse.frame for pulse in pulses], [_amid(shape, half, lag) for shape in fluxes], settings.level * levels)
        rotations = np.array([amplitude(page.snapshot, pair[of]) for pair in page.targets])[:, None]
        page.drive([_amid(shape, half, 0) for shape in turns], rotations, of=of)
        page.wait(span * tick)
        bloch.look(page, at["side"], of)
        page.wait(span * tick)
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """Length of a tick."""
        return {"tick": float(snapshot.timing.dt)}

    def fit_one(self, data: Measured) -> Asking[Fit]:
        """Where the phase is halfway, for either qubit."""
        span = PortDelaysSettings.model_validate_json(data.attrs["settings"]).span_s
        numbers: dict[str, Estimate] = {}
        fits: dict[str, CurveFit] = {}
        for of, place in enumerate(PLACES):
            x, y, sigma, length = _followed(data, of)
            if length.min() < LEAST:
                return bad(f"the {place} qubit is not seen on the equator", several(**fits) if fits else None, **numbers)
            lates, widths = np.array([-0.5, -0.2, 0.0, 0.2, 0.5]) * span, [15e-9, 30e-9]
            starts = grid(middle=y.mean(), half=(y[-1] - y[0]) / 2, late=lates, width=widths)
            fits[place] = found = yield Search(step, x, y, sigma, starts, {"width": (3e-9, span)})
            numbers[place] = found.of("late", "s")
            if abs(found.value["half"]) < max(0.2, 6 * found.error["half"]) or not found.error["late"] < 5e-9:
                return bad(f"the flux pulse does not turn the {place} qubit", several(**fits), **numbers)
            if abs(found.value["late"]) + found.value["width"] > span:
                reason = f"the flux pulse does not pass the pi pulse of the {place} qubit within the span"
                return bad(reason, several(**fits), **numbers)
        first, second = (numbers[place] for place in PLACES)
        # what both have in common is the flux line
        numbers["drives"] = (first[0] - second[0], float(np.hypot(first[1], second[1])), "s")
        return good(several(**fits), **numbers)

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """Start of the flux pulse within ``cz`` and ``rzz``, and their lengths: drives before and after must not meet it."""
        window = _wanted(snapshot, fit)
        return snapshot if window == flux_window(snapshot, fit.target) else with_flux_window(snapshot, fit.target, *window)

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """By how much the flux pulse meets drives before or after its gate, in units of a tick and what the fit leaves open."""
        start, duration = flux_window(snapshot, fit.target)
        tick = float(snapshot.timing.dt)
        most = 0.0
        for place in PLACES:
            arrives = start + fit[place] / tick
            over = max(-arrives, arrives + _length(snapshot, fit.target) - duration)
            most = max(most, over / (1 + 3 * fit.error(place) / tick))
        return most

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Phase of either qubit against the lag."""
        parts = []
        for of, place in enumerate(PLACES):
            x, y, sigma, _ = _followed(data, of)
            parts.append(drawn(x, y, step, fit, "flux pulse later by, ns", sigma, 1e9, place))
        return beside(*parts)


def step(x: Values, middle: float, half: float, late: float, width: float) -> Values:
    """Phase against lag: ``late`` is what the line adds to it."""
    return np.asarray(middle + half * erf((x + late) / width))


def _amid(shape: Waveform, half: int, lag: int) -> Waveform:
    """A pulse in the middle of ``2 half`` samples, or later."""
    before = half - shape.duration // 2 + lag
    after = 2 * half - shape.duration - before
    samples = np.concatenate([[0.0], shape.samples, [0.0]])
    kept = np.concatenate([[before], shape.repeats, [after]])
    return Waveform(samples[kept > 0], kept[kept > 0])


def _followed(data: Measured, of: int) -> tuple[Values, Values, Values, Values]:
    """Lags, phase of one qubit followed from point to point, its error, and the length of the vector.

    Of both beginnings only what the pi pulse mirrors is taken: the flux makes it turn too far, which would move the middle.
    """
    vector, sigma = bloch.vector(data.at(place=of, of=of))
    plane = vector[..., 0] + 1j * vector[..., 1]
    mirrored = (plane[:, 0] + 1j * plane[:, 1]) / 2
    phase, length = np.angle(mirrored), np.abs(mirrored)
    # a component near one of its ends is known better than the other: what counts is the error across the vector
    real, imag = np.hypot(sigma[:, 0, 0], sigma[:, 1, 1]) / 2, np.hypot(sigma[:, 0, 1], sigma[:, 1, 0]) / 2
    across = np.hypot(np.sin(phase) * real, np.cos(phase) * imag)
    return data["lag"], np.unwrap(phase), across / np.maximum(length, 1e-3), length


def _wanted(snapshot: Snapshot, fit: Fit) -> tuple[int, int]:
    """Ticks at which the flux pulse starts within its gate, and of the gate."""
    late = [round(fit[place] / float(snapshot.timing.dt)) for place in PLACES]
    start = max(0, *(-ticks for ticks in late))
    stop = start + max(0, *late) + _length(snapshot, fit.target)
    return start, -(-stop // snapshot.timing.granularity) * snapshot.timing.granularity


def _length(snapshot: Snapshot, pair: Target) -> int:
    return waveform(snapshot.waveforms[flux_pulse(snapshot, pair).waveform]).duration
