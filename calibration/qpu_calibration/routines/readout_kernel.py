"""Readout kernel: how much each sample of the returning signal tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qpu_bridge.target import SampledShape, Snapshot, waveform
from qpu_calibration.axis import Axis, Values
from qpu_calibration.edit import with_measure, with_waveform
from qpu_calibration.fit import Estimate, Fit, bad, good
from qpu_calibration.measured import Measured
from qpu_calibration.median import median
from qpu_calibration.page import Page, Target
from qpu_calibration.picture import Curve
from qpu_calibration.plan import Point
from qpu_calibration.reading import Reading
from qpu_calibration.routine import Routine, Settings

Complex = NDArray[np.complex128]

LOST = 0.05
"""Share of the power by which traces differ in the best quarter of the tone that they must in each but the first, in which they
part: a resonator rings as long as its tone, and a readout that falls over meanwhile makes a kernel that is deaf later."""


class ReadoutKernelSettings(Settings):
    """How the traces are taken.

    Attributes:
        hold: Samples that share one weight, so that noise of the traces is not taken for signal.
    """

    shots: int = Field(2000, ge=100)
    hold: int = Field(8, ge=1)


class ReadoutKernel(Routine[ReadoutKernelSettings]):
    """The average traces of a prepared 0 and a prepared 1.

    Their difference, conjugated, is the matched filter where noise is white (Ryan et al., PRA 91, 022118).
    """

    name = "readout_kernel"
    depends_on = ("readout_duration",)
    invalidates = ("readout",)
    look_share = 2
    timeout_h = 72.0
    reading = Reading.TRACE
    settings = ReadoutKernelSettings()

    def axes(self, snapshot: Snapshot, targets: Sequence[Target], settings: ReadoutKernelSettings) -> Sequence[Axis]:
        """What is prepared."""
        return [Axis("prepared", np.array([0.0, 1.0]))]

    def play(self, page: Page, at: Point, settings: ReadoutKernelSettings) -> None:
        """Nothing or an ``x``, then readout."""
        page.prepare(at["prepared"])
        page.measure()

    def facts(self, snapshot: Snapshot, target: Target) -> Mapping[str, float]:
        """In how many samples of the capture the tone sounds."""
        measure = snapshot.measure(target[0])
        lines = [snapshot.port(snapshot.frame(frame).port) for frame in (measure.drive_frame, measure.acquire_frame)]
        tone = waveform(snapshot.waveforms[measure.waveform]).duration * float(lines[0].dt)
        heard = (tone - measure.acquire_start * float(snapshot.timing.dt)) / float(lines[1].dt)
        return {"sounds": float(np.clip(round(heard), 0, measure.acquire_duration))}

    def fit_one(self, data: Measured) -> Fit:
        """Weights, and the line between the average points that they make."""
        settings = ReadoutKernelSettings.model_validate_json(data.attrs["settings"])
        traces = _heard(data)
        low, high = _held(traces, settings.hold)
        gap = high - low
        noise = _scatter(traces, settings.hold)
        # without any signal, the mean square of the differences is that of the noise
        signal = float(np.sum(np.abs(gap) ** 2)) - len(gap) * noise**2
        share = signal / max(float(np.sum(np.abs(gap) ** 2)), 1e-300)
        numbers: dict[str, Estimate] = {"signal_share": (share, 1 / np.sqrt(len(gap)), "")}
        if share < 0.7:
            return bad("the traces of 0 and 1 do not differ beyond their noise", **numbers)
        if _jump(np.abs(gap)) > 3 * noise:
            return bad("a moment of the traces stands out of those before and after it", **numbers)
        quarters = np.array_split(np.abs(gap[: int(data["sounds"]) // settings.hold]) ** 2 - noise**2, 4)
        powers = np.array([quarter.mean() for quarter in quarters if quarter.size])
        if (powers[1:] < LOST * powers.max(initial=0.0)).any():
            return bad("0 and 1 differ in some of the tone only", **numbers)
        size = float(np.sqrt(signal))
        gain = size * np.sqrt(len(gap)) / max(float(abs(np.sum(gap))), 1e-300)
        # what noise does to both sums alike leaves their ratio; its power, which is taken off, is known no better than this
        shape, power = noise / size * np.sqrt(max(gain**2 - 1, 0.0) / 2), 0.6 * (noise / size) ** 2 * np.sqrt(len(gap))
        numbers["gain_over_boxcar"] = (gain, gain * float(np.hypot(shape, power)), "")
        weights = np.conj(gap) / np.abs(gap).max() * 0.999999
        shared = np.repeat(weights, settings.hold)[: traces.shape[-1]]
        points = [complex(np.sum(shared * trace)) for trace in traces]
        angle = float(np.angle(points[1] - points[0]))
        threshold = float(np.mean([(point * np.exp(-1j * angle)).real for point in points]))
        # of the line of this kernel: what noise has put into the weights moves the true points alike
        parts = np.array(_repeats(traces.shape[-1], settings.hold))
        spread = noise * np.linalg.norm(parts * weights) / 2
        found = good(**numbers, angle=(angle, noise / size / np.sqrt(2), "rad"), threshold=(threshold, spread / np.sqrt(2), ""))
        series = {
            "real": tuple(np.round(weights.real, 6).tolist()),
            "imag": tuple(np.round(weights.imag, 6).tolist()),
            "repeats": tuple(float(n) for n in _repeats(traces.shape[-1], settings.hold)),
        }
        return found.model_copy(update={"series": series})

    def update(self, snapshot: Snapshot, fit: Fit) -> Snapshot:
        """The kernel, and a line that goes with it until `readout` has found the best one."""
        measure = snapshot.measure(fit.qubit)
        taken = {m.kernel for m in snapshot.measures if m.qubit != fit.qubit} | {m.waveform for m in snapshot.measures}
        name = measure.kernel if measure.kernel is not None and measure.kernel not in taken else f"kernel_q{fit.qubit}"
        shape = SampledShape(
            shape="samples",
            real=fit.series["real"],
            imag=fit.series["imag"],
            repeats=tuple(int(n) for n in fit.series["repeats"]),
        )
        after = with_waveform(snapshot, name, shape)
        return with_measure(after, fit.qubit, kernel=name, angle=round(fit["angle"], 6), threshold=round(fit["threshold"], 6))

    def deviation(self, snapshot: Snapshot, fit: Fit) -> float:
        """How much signal to noise the kernel in use loses against the one found, in units of 5 %."""
        kernel = snapshot.measure(fit.qubit).kernel
        shape = None if kernel is None else snapshot.waveforms[kernel]
        best = np.array(fit.series["real"]) + 1j * np.array(fit.series["imag"])
        best = np.repeat(best, np.array(fit.series["repeats"], int))
        used = np.ones(len(best), complex)
        if isinstance(shape, SampledShape):
            used = np.array(shape.real) + 1j * np.array(shape.imag)
            used = used if shape.repeats is None else np.repeat(used, shape.repeats)
        if len(used) != len(best):
            return float("inf")
        overlap = abs(np.vdot(used, best)) / (np.linalg.norm(used) * np.linalg.norm(best))
        return float((1 - overlap) / 0.05)

    def curve(self, data: Measured, fit: Fit) -> Curve:
        """Distance of the traces, and the kernel's weights in the same height."""
        low, high = _heard(data)
        distance = np.abs(high - low)
        samples = np.arange(len(distance))
        found = {"x": samples, "y": distance, "label": "sample"}
        if "real" in fit.series:
            weights = np.repeat(np.hypot(fit.series["real"], fit.series["imag"]), np.array(fit.series["repeats"], int))
            found |= {"model_x": samples, "model": weights * np.median(distance) / np.median(weights)}
        return found


def _heard(data: Measured) -> Complex:
    """Traces of both levels, as long as this qubit was listened to."""
    traces = data["iq"]
    return np.asarray(traces[:, ~np.isnan(traces).any(axis=0)])


def _repeats(samples: int, hold: int) -> list[int]:
    return [min(hold, samples - first) for first in range(0, samples, hold)]


def _held(traces: Complex, hold: int) -> Complex:
    """Averages over ``hold`` samples: ``[levels, samples / hold]``."""
    edges = np.arange(0, traces.shape[-1], hold)
    sums = np.add.reduceat(traces.astype(complex), edges, axis=-1)
    return np.asarray(sums / np.array(_repeats(traces.shape[-1], hold)))


def _jump(gap: Values) -> float:
    """By how much one of the distances exceeds both beside it and half of all others: a resonator rings up, it does not jump."""
    beside = np.maximum(np.append(gap[1:], 0.0), np.append(0.0, gap[:-1]))
    at = int(np.argmax(gap - beside))
    others = np.delete(gap, at)
    return float(gap[at] - beside[at] - others.max(initial=0.0) / 2)


def _scatter(traces: Complex, hold: int) -> float:
    """Standard deviation of a held difference, from the steps between neighbouring samples."""
    steps = np.diff(traces.astype(complex), axis=-1)
    each = median(np.abs(steps) ** 2) / np.log(2) / 2
    return float(np.sqrt(np.sum(each) / hold))
