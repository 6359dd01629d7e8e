"""A resonator under a tone: its linear equation, solved for each level of its qubit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.chip.device import Resonator
from qpu_emulator.jit import compiled
from qpu_emulator.readout.afterglow import pulls
from qpu_emulator.readout.probe import Probe

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TAU = 2 * np.pi
_LEVELS = 3
_LONG = 24
"""So many samples alike are summed at once as a geometric series."""


class Driven(NamedTuple):
    """A resonator under a tone at several frequencies, in numbers.

    Attributes:
        tone: What drives it, tick by tick.
        times: Sample of the capture, start and tick of the tone, s.
        decays: ``complex[n, 3]``, of each level, 1/s.
        turns: ``complex[n]``, what a field is worth to the capture in the middle of the first sample.
        steps: ``complex[n]``, by which that turns from sample to sample.
        weights: Of the samples since the start of the measurement.
    """

    tone: Complex
    times: tuple[float, float, float]
    decays: Complex
    turns: Complex
    steps: Complex
    weights: Complex

    @classmethod
    def of(cls, resonator: Resonator, probe: Probe, frequencies: Real) -> Driven:
        """Frequencies of tone and capture are ``float[n, 2]`` in Hz, instead of those of ``probe``."""
        weights = np.zeros(probe.until, complex)
        weights[probe.until - probe.samples :] = 1.0 if probe.kernel is None else probe.kernel.expand()
        worth = complex(resonator.gain * np.exp(1j * resonator.cable_phase))
        seen = _seen(frequencies, resonator.frequency, resonator.kappa, pulls(resonator), worth, probe.dt)
        times = probe.dt, probe.tone_start, probe.tone_dt
        return cls((probe.tone.samples * complex(resonator.drive)).repeat(probe.tone.repeats), times, *seen, weights)

    def noise(self, resonator: Resonator) -> float:
        """Standard deviation of each quadrature of the integrated signal."""
        parts = self.weights.view(np.float64)
        return resonator.noise * float(np.sqrt(1e-9 / self.times[0] * parts.dot(parts)))


@compiled()
def _seen(
    frequencies: Real, resonance: float, kappa: float, pulled: Real, worth: complex, dt: float
) -> tuple[Complex, Complex, Complex]:
    """Decays, turns and steps of a `Driven` at frequencies of tone and capture; ``worth`` is that of a field if both are one."""
    decays = np.empty((len(frequencies), _LEVELS), np.complex128)
    turns, steps = np.empty(len(frequencies), np.complex128), np.empty(len(frequencies), np.complex128)
    for one in range(len(frequencies)):
        tone, capture = frequencies[one]
        for level in range(_LEVELS):
            decays[one, level] = complex(np.pi * kappa, _TAU * (resonance - tone + pulled[level]))
        # seen from the frame of the capture, the tone turns as any play does: exp(-2 pi i (f - f_capture) t)
        beat = _TAU * (tone - capture) * dt
        turns[one], steps[one] = worth * np.exp(-0.5j * beat), np.exp(-1j * beat)
    return decays, turns, steps


@compiled()
def solve(
    tone: Complex, times: tuple[float, float, float], decays: Complex, turns: Complex, steps: Complex, weights: Complex
) -> tuple[Complex, Complex, Complex, Complex]:
    """The arrays of `Response`: gathered, field, ringing, tails. Arguments as of `Driven`."""
    samples, count = len(weights), len(decays)
    drive = sampled(tone, times, samples)
    ringing = np.empty(decays.shape, np.complex128)
    field = np.empty((count, _LEVELS, samples), np.complex128)
    gathered = np.empty((count, _LEVELS, samples + 1), np.complex128)
    tails = np.empty((count, _LEVELS, samples + 1), np.complex128)
    for one in range(count):
        ring(drive, times[0], decays[one], turns[one], steps[one], weights, gathered[one], field[one], ringing[one])
        fade(ringing[one], weights, tails[one])
    return gathered, field, ringing, tails


@compiled()
def ring(
    drive: Complex,
    dt: float,
    decay: Complex,
    turn: complex,
    step: complex,
    weights: Complex,
    gathered: Complex,
    field: Complex,
    ringing: Complex,
) -> None:
    """Fill arrays of a `Response` of a resonator that starts empty.

    Args:
        drive: What drives it in the middle of each sample.
        dt: Sample, s.
        decay: ``complex[3]``, of each level, 1/s.
        turn: What a field is worth to the capture in the middle of the first sample.
        step: By which that turns from sample to sample.
        weights: Of the samples.
        gathered: Filled.
        field: Filled.
        ringing: Filled.
    """
    samples = len(weights)
    half = np.exp(-decay * (dt / 2))
    gain = (1 - half) / decay
    ringing[:] = half * half * step
    inside, total = np.zeros(_LEVELS, np.complex128), np.zeros(_LEVELS, np.complex128)
    # levels go side by side: each waits for its own last number
    for sample in range(samples):
        driven = drive[sample]
        for level in range(_LEVELS):
            middle = half[level] * inside[level] + gain[level] * driven
            inside[level] = half[level] * middle + gain[level] * driven
            field[level, sample] = middle * turn
            gathered[level, sample] = total[level]
            total[level] += middle * turn * weights[sample]
        turn *= step
    gathered[:, samples] = total


@compiled()
def fade(ringing: Complex, weights: Complex, tails: Complex) -> None:
    """Fill the tails of a `Response`, which only those who jump hear of."""
    samples = len(weights)
    tails[:, samples] = 0.0
    for sample in range(samples - 1, -1, -1):
        for level in range(_LEVELS):
            tails[level, sample] = weights[sample] + ringing[level] * tails[level, sample + 1]


@compiled()
def still(
    tone: Complex, times: tuple[float, float, float], decays: Complex, turns: Complex, steps: Complex, weights: Complex
) -> Complex:
    """`Response.still` alone, ``complex[n, 3]``. Arguments as of `Driven`.

    Where neither the tone nor the weights change, fields go to their steady ones exponentially, and samples are summed at once.
    """
    dt, samples = times[0], len(weights)
    drive, ends = sampled(tone, times, samples), np.empty(samples, np.int64)
    for sample in range(samples - 1, -1, -1):
        ends[sample] = sample + 1
        if sample + 1 < samples and drive[sample] == drive[sample + 1] and weights[sample] == weights[sample + 1]:
            ends[sample] = ends[sample + 1]
    out, inside = np.zeros(decays.shape, np.complex128), np.zeros(_LEVELS, np.complex128)
    for one in range(len(decays)):
        turn, step = turns[one], steps[one]
        half = np.exp(-decays[one] * (dt / 2))
        gain = (1 - half) / decays[one]
        inside[:] = 0.0
        sample = 0
        while sample < samples:
            driven, weight, count = drive[sample], turn * weights[sample], ends[sample] - sample
            if count < _LONG:
                for level in range(_LEVELS):
                    middle = half[level] * inside[level] + gain[level] * driven
                    inside[level] = half[level] * middle + gain[level] * driven
                    out[one, level] += middle * weight
                turn *= step
                sample += 1
                continue
            for level in range(_LEVELS):
                steady, fades = driven / decays[one, level], half[level] * half[level]
                ring = inside[level] - steady
                out[one, level] += weight * (steady * _series(step, count) + ring * half[level] * _series(fades * step, count))
                inside[level] = steady + ring * np.exp(-decays[one, level] * (dt * count))
            turn *= np.exp(np.log(step) * count)
            sample += count
    return out


@compiled()
def _series(ratio: complex, count: int) -> complex:
    """The sum of ``ratio**k`` for all k below ``count``."""
    gap = 1 - ratio
    # closer to 1 than rounding allows to tell, all are alike
    if abs(gap) < 1e-12:
        return complex(count)
    return complex((1 - np.exp(np.log(ratio) * count)) / gap)


@compiled()
def sampled(tone: Complex, times: tuple[float, float, float], samples: int) -> Complex:
    """The tone in the middle of each sample of the capture."""
    dt, begin, tick = times
    out = np.zeros(samples, np.complex128)
    for sample in range(samples):
        place = int(np.floor(((sample + 0.5) * dt - begin) / tick))
        if 0 <= place < len(tone):
            out[sample] = tone[place]
    return out
