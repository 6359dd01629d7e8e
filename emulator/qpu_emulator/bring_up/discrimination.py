"""Bring-up of a readout: kernel, line through the IQ plane, and the errors to expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import erfc

from qpu_bridge.target.qubit import MeasureSpec
from qpu_bridge.target.shape import ConstantShape, SampledShape, Shape, waveform
from qpu_emulator.chip.device import Device, Resonator
from qpu_emulator.readout.probe import Probe
from qpu_emulator.readout.resonator import respond

AMPLITUDE = 0.18
"""Of a readout tone: five share one converter."""
_LISTEN_FROM, HOLD = 32, 8
"""When the capture begins after the tone, with which it ends, and for how long its kernel keeps each number, ticks."""


class Reading:
    """What a readout of a device tells: its kernel, the line through the plane, and the errors on either side.

    Args:
        device: The truth.
        resonator: Which, one of the device's or a variation of it.
        ticks: Length of its constant tone, a multiple of `HOLD`; a tick is 1 ns.
    """

    def __init__(self, device: Device, resonator: Resonator, ticks: int) -> None:
        transmon = device.transmons[resonator.qubit]
        dt, start = 1e-9, _LISTEN_FROM * 1e-9
        tone = waveform(ConstantShape(shape="constant", duration=ticks))
        blank = Probe(tone, dt, 0.0, resonator.frequency, None, dt, start, ticks - _LISTEN_FROM, resonator.frequency)
        field = respond(resonator, blank).field[:, _LISTEN_FROM:]
        matched = np.conj(field[1] - field[0]).reshape(-1, HOLD).mean(axis=1)
        # a matched filter, turned by an arbitrary angle: nothing may rely on the clouds lying along the real axis
        matched = np.round(matched / abs(matched).max() * 0.999999 * np.exp(0.5j * resonator.cable_phase), 6)
        self.kernel = SampledShape(
            shape="samples",
            real=tuple(matched.real.tolist()),
            imag=tuple(matched.imag.tolist()),
            repeats=(HOLD,) * len(matched),
        )
        heard = respond(resonator, blank._replace(kernel=waveform(self.kernel)))
        points = heard.still * AMPLITUDE
        self.angle = float(np.angle(points[1] - points[0]))
        turn = np.exp(-1j * self.angle)
        self._low, self._high = (points[:2] * turn).real
        # without noise of the receiver: twins try many
        self._sigma_per_noise = heard.noise / resonator.noise
        self._sigma = heard.noise
        # moments of jumps: the resonator is slower by far than what lies between them
        moments = heard.jumps[:2, HOLD // 2 :: HOLD]
        self._risen, self._fallen = (moments * AMPLITUDE * turn).real
        self._excited = transmon.thermal
        rate, each = 1 / (transmon.t1 or np.inf), HOLD * dt
        self._up, self._down = (
            -np.expm1(-share * each) * np.exp(-share * each * np.arange(moments.shape[1]))
            for share in (rate * self._excited, rate * (1 - self._excited))
        )

    def louder(self, noise: float) -> None:
        """Suppose another noise of the receiver."""
        self._sigma = self._sigma_per_noise * noise

    def errors(self, threshold: float) -> tuple[float, float]:
        """Chance to read 1 after a preparation of 0, and 0 after one of 1; thermal population included."""
        first, second = self._errors(np.array([threshold]))[:, 0].tolist()
        return first, second

    def _errors(self, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        sigma, excited = self._sigma, self._excited
        moments = thresholds[:, None]
        wrong_0 = (1 - self._up.sum()) * _beyond((thresholds - self._low) / sigma)
        wrong_0 += _beyond((moments - self._risen) / sigma) @ self._up
        wrong_1 = (1 - self._down.sum()) * _beyond((self._high - thresholds) / sigma)
        wrong_1 += _beyond((self._fallen - moments) / sigma) @ self._down
        return np.stack([wrong_0 * (1 - excited) + (1 - wrong_1) * excited, wrong_1 * (1 - excited) + (1 - wrong_0) * excited])

    def best(self) -> float:
        """The threshold that makes the fewest errors."""
        middle, width = (self._low + self._high) / 2, self._high - self._low
        tries = np.linspace(middle - width / 4, middle + width / 4, 201)
        return float(np.round(tries[self._errors(tries).sum(axis=0).argmin()], 4))

    def leaning(self, difference: float) -> float:
        """The threshold at which the first error is larger than the second by a number."""
        reach = self._high - self._low + 8 * self._sigma

        def excess(threshold: float) -> float:
            first, second = self.errors(threshold)
            return first - second - difference

        return float(np.round(brentq(excess, self._low - reach, self._high + reach, xtol=1e-3), 4))


def solve_measure(device: Device, index: int, lengths: tuple[int, int], waveforms: dict[str, Shape]) -> MeasureSpec:
    """Solve one resonator's readout; ticks are 1 ns.

    Args:
        device: The truth.
        index: Which resonator.
        lengths: Of its tone, a multiple of `HOLD`, and of the whole measurement.
        waveforms: Tone and kernel are added.
    """
    resonator, (ticks, whole) = device.resonators[index], lengths
    reading = Reading(device, resonator, ticks)
    tone, name = f"readout{ticks}", f"kernel{resonator.qubit}"
    waveforms |= {tone: ConstantShape(shape="constant", duration=ticks), name: reading.kernel}
    threshold = reading.best()
    wrong_0, wrong_1 = reading.errors(threshold)
    return MeasureSpec(
        qubit=resonator.qubit,
        drive_frame=f"m{resonator.qubit}",
        waveform=tone,
        amplitude=AMPLITUDE,
        acquire_frame=f"a{resonator.qubit}",
        acquire_start=_LISTEN_FROM,
        acquire_duration=ticks - _LISTEN_FROM,
        kernel=name,
        angle=round(reading.angle, 6),
        threshold=threshold,
        duration=whole,
        prob_meas1_prep0=wrong_0,
        prob_meas0_prep1=wrong_1,
    )


def _beyond(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(erfc(distance / np.sqrt(2)) / 2)
