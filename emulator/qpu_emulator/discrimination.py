"""Bring-up of a readout: kernel, line through the IQ plane, and the errors to expect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from qpu_bridge.target.qubit import MeasureSpec
from qpu_bridge.target.shape import SampledShape, Shape, waveform
from qpu_emulator.device import Device
from qpu_emulator.readout import Listening, respond

TONE_TICKS = 832
_LISTEN_FROM, _LISTEN_TICKS, _MEASURE_TICKS, _HOLD = 32, 800, 1200, 8


def solve_measure(device: Device, index: int, waveforms: dict[str, Shape]) -> MeasureSpec:
    """Solve one resonator's readout; ticks are 1 ns.

    Args:
        device: The truth.
        index: Which resonator.
        waveforms: Holds the tone ``readout``; the kernel is added.
    """
    resonator = device.resonators[index]
    transmon = device.transmons[resonator.qubit]
    tone = waveform(waveforms["readout"])
    dt, amplitude = 1e-9, 0.18  # five tones share one converter
    carrier, start = resonator.frequency, _LISTEN_FROM * dt
    blank = Listening(tone, dt, 0.0, carrier, None, dt, start, _LISTEN_TICKS, carrier)
    field = respond(resonator, blank).field[:, _LISTEN_FROM:]
    matched = np.conj(field[1] - field[0]).reshape(-1, _HOLD).mean(axis=1)
    # a matched filter, turned by an arbitrary angle: nothing may rely on the clouds lying along the real axis
    matched = np.round(matched / abs(matched).max() * 0.999999 * np.exp(0.5j * resonator.cable_phase), 6)
    name = f"kernel{resonator.qubit}"
    waveforms[name] = SampledShape(
        shape="samples",
        real=tuple(matched.real.tolist()),
        imag=tuple(matched.imag.tolist()),
        repeats=(_HOLD,) * len(matched),
    )
    heard = respond(resonator, replace(blank, kernel=waveform(waveforms[name])))
    points = heard.still * amplitude
    angle = float(np.angle(points[1] - points[0]))
    turn = np.exp(-1j * angle)
    rate = 1 / (transmon.t1 or np.inf)
    span = (_LISTEN_FROM + _LISTEN_TICKS) * dt
    fallen = (heard.jumps[1] * amplitude * turn).real
    risen = (heard.jumps[0] * amplitude * turn).real
    excited = transmon.thermal

    def errors(threshold: float) -> tuple[float, float]:
        up, down = rate * excited * span, rate * (1 - excited) * span
        low, high = (points[:2] * turn).real
        wrong_0 = (1 - up) * _beyond((threshold - low) / heard.noise) + up * _beyond((threshold - risen) / heard.noise).mean()
        wrong_1 = (1 - down) * _beyond((high - threshold) / heard.noise) + down * _beyond(
            (fallen - threshold) / heard.noise
        ).mean()
        return float(wrong_0 * (1 - excited) + (1 - wrong_1) * excited), float(wrong_1 * (1 - excited) + (1 - wrong_0) * excited)

    middle = ((points[0] + points[1]) / 2 * turn).real
    width = abs(points[1] - points[0])
    tries = np.linspace(middle - width / 4, middle + width / 4, 201)
    threshold = float(min(tries, key=lambda value: sum(errors(float(value)))))
    threshold = float(np.round(threshold, 4))
    wrong_0, wrong_1 = errors(threshold)
    return MeasureSpec(
        qubit=resonator.qubit,
        drive_frame=f"m{resonator.qubit}",
        waveform="readout",
        amplitude=amplitude,
        acquire_frame=f"a{resonator.qubit}",
        acquire_start=_LISTEN_FROM,
        acquire_duration=_LISTEN_TICKS,
        kernel=name,
        angle=round(angle, 6),
        threshold=threshold,
        duration=_MEASURE_TICKS,
        prob_meas1_prep0=wrong_0,
        prob_meas0_prep1=wrong_1,
    )


def _beyond(distance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(erfc(np.asarray(distance) / np.sqrt(2)) / 2)
