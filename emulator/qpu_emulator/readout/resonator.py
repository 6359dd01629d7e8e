"""Dispersive readout: the resonator's field for each level of its qubit, and what a capture gets of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.jit import compiled
from qpu_emulator.readout.afterglow import pulls

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_TAU = 2 * np.pi
_LEVELS = 3
_JUMPS = ((0, 1), (1, 0), (1, 2), (2, 1))
_LONG = 24
"""So many samples alike are summed at once as a geometric series."""


@dataclass(frozen=True, slots=True)
class Response:
    """What one tone of unit amplitude and phase zero brings to one capture, as a function of the qubit's history.

    Of several frequencies (`respond_each`) each array has one more axis, the first.

    Attributes:
        gathered: ``complex[3, samples + 1]``, integrated signal up to the start of a sample if the level stays.
        field: ``complex[3, samples]``, demodulated signal if the level stays, before the weights.
        ringing: ``complex[3]``, factor per sample of what is left of an earlier level's field, demodulated.
        tails: ``complex[3, samples + 1]``, integrated signal of a unit field that rings down from the start of a sample on.
        first: First sample of the capture within the measurement.
        count: Samples of the capture.
        noise: Standard deviation of each quadrature of the integrated signal.
        sample_noise: The same of one sample of the trace.
    """

    gathered: Complex
    field: Complex
    ringing: Complex
    tails: Complex
    first: int
    count: int
    noise: float
    sample_noise: float

    @property
    def still(self) -> Complex:
        """``complex[3]``, integrated signal if the level stays."""
        return np.asarray(self.gathered[..., -1])

    @property
    def jumps(self) -> Complex:
        """``complex[4, samples + 1]``, integrated signal if the level jumps at the start of a sample (0-1, 1-0, 1-2, 2-1)."""
        (old, new), past = np.array(_JUMPS).T, np.zeros((*self.field.shape[:-1], 1))
        field = np.concatenate([self.field, past], axis=-1)
        rest = (field[..., old, :] - field[..., new, :]) * self.tails[..., new, :]
        return np.asarray(self.gathered[..., old, :] + self.gathered[..., new, -1:] - self.gathered[..., new, :] + rest)

    @property
    def nbytes(self) -> int:
        """Memory of all arrays."""
        return self.gathered.nbytes + self.field.nbytes + self.ringing.nbytes + self.tails.nbytes


class Probe(NamedTuple):
    """One tone and one capture of a measurement: what a resonator is probed with.

    Attributes:
        tone: Envelope.
        tone_dt: Its tick, s.
        tone_start: s after the start of the measurement.
        tone_frequency: Hz.
        kernel: Weights, None for ones; "raw" captures take none.
        dt: Sample of the capture, s.
        start: Of the capture, s after the start of the measurement.
        samples: Of the capture.
        frequency: Demodulation frequency, Hz.
    """

    tone: Waveform
    tone_dt: float
    tone_start: float
    tone_frequency: float
    kernel: Waveform | None
    dt: float
    start: float
    samples: int
    frequency: float

    @property
    def frequencies(self) -> Real:
        """Of tone and capture, ``float[1, 2]`` in Hz."""
        return np.array([[self.tone_frequency, self.frequency]])


def respond(resonator: Resonator, probe: Probe) -> Response:
    """Solve the linear resonator for each level of the qubit."""
    found = respond_each(resonator, probe, probe.frequencies)
    return replace(found, gathered=found.gathered[0], field=found.field[0], ringing=found.ringing[0], tails=found.tails[0])


def respond_each(resonator: Resonator, probe: Probe, frequencies: Real) -> Response:
    """The same at several frequencies of tone and capture, ``float[n, 2]`` in Hz, instead of those of ``probe``."""
    gathered, field, ringing, tails = _solve(*_driven(resonator, probe, frequencies))
    spread = resonator.noise * np.sqrt(1e-9 / probe.dt)
    first = field.shape[-1] - probe.samples
    return Response(gathered, field, ringing, tails, first, probe.samples, _noise(resonator, probe, _weights(probe)), spread)


def loudness(resonator: Resonator, probe: Probe, frequencies: Real) -> float:
    """Largest magnitude of `Response.still` at several frequencies in units of its noise, without the rest."""
    driven = _driven(resonator, probe, frequencies)
    noise = _noise(resonator, probe, driven[-1])
    return float(np.abs(_still(*driven)).max()) / noise if noise else np.inf


def _noise(resonator: Resonator, probe: Probe, weights: Complex) -> float:
    """See `Response`."""
    return resonator.noise * float(np.sqrt(1e-9 / probe.dt) * np.linalg.norm(weights))


def _weights(probe: Probe) -> Complex:
    """Of each sample since the start of the measurement."""
    first = round(probe.start / probe.dt)
    weights = np.zeros(first + probe.samples, complex)
    weights[first:] = 1.0 if probe.kernel is None else probe.kernel.expand()
    return weights


def _driven(resonator: Resonator, probe: Probe, frequencies: Real) -> tuple[Any, ...]:
    """What `_solve` wants to know of tones and resonator, in its order."""
    tone, capture = frequencies.T
    off = (resonator.frequency - tone)[:, None] + pulls(resonator)
    decay = np.asarray(np.pi * resonator.kappa + 1j * _TAU * off, np.complex128)
    # seen from the frame of the capture, the tone turns as any play does: exp(-2 pi i (f - f_capture) t)
    beat = 1j * _TAU * (tone - capture) * probe.dt
    turn = resonator.gain * np.exp(1j * resonator.cable_phase - beat / 2)
    times = probe.dt, probe.tone_start, probe.tone_dt
    return probe.tone.expand() * complex(resonator.drive), times, decay, turn, np.exp(-beat), _weights(probe)


@compiled()
def _solve(
    tone: Complex, times: tuple[float, float, float], decays: Complex, turns: Complex, steps: Complex, weights: Complex
) -> tuple[Complex, Complex, Complex, Complex]:
    """The arrays of `Response` of a resonator that starts empty: gathered, field, ringing, tails.

    Args:
        tone: What drives it, tick by tick.
        times: Sample of the capture, start and tick of the tone, s.
        decays: ``complex[n, 3]``, of each level, 1/s.
        turns: ``complex[n]``, what a field is worth to the capture in the middle of the first sample.
        steps: ``complex[n]``, by which that turns from sample to sample.
        weights: Of the samples.
    """
    dt, samples, count = times[0], len(weights), len(decays)
    drive = _sampled(tone, times, samples)
    ringing = np.empty(decays.shape, np.complex128)
    field = np.empty((count, _LEVELS, samples), np.complex128)
    gathered = np.empty((count, _LEVELS, samples + 1), np.complex128)
    tails = np.empty((count, _LEVELS, samples + 1), np.complex128)
    inside, total = np.zeros(_LEVELS, np.complex128), np.zeros(_LEVELS, np.complex128)
    for one in range(count):
        turn = turns[one]
        half = np.exp(-decays[one] * (dt / 2))
        gain = (1 - half) / decays[one]
        ringing[one] = half * half * steps[one]
        inside[:] = total[:] = 0.0
        # levels go side by side: each waits for its own last number
        for sample in range(samples):
            driven = drive[sample]
            for level in range(_LEVELS):
                middle = half[level] * inside[level] + gain[level] * driven
                inside[level] = half[level] * middle + gain[level] * driven
                field[one, level, sample] = middle * turn
                gathered[one, level, sample] = total[level]
                total[level] += middle * turn * weights[sample]
            turn *= steps[one]
        gathered[one, :, samples] = total
        tails[one, :, samples] = 0.0
        for sample in range(samples - 1, -1, -1):
            for level in range(_LEVELS):
                tails[one, level, sample] = weights[sample] + ringing[one, level] * tails[one, level, sample + 1]
    return gathered, field, ringing, tails


@compiled()
def _still(
    tone: Complex, times: tuple[float, float, float], decays: Complex, turns: Complex, steps: Complex, weights: Complex
) -> Complex:
    """`Response.still` alone, ``complex[n, 3]``. Arguments as of `_solve`.

    Where neither the tone nor the weights change, fields go to their steady ones exponentially, and samples are summed at once.
    """
    dt, samples = times[0], len(weights)
    drive, ends = _sampled(tone, times, samples), np.empty(samples, np.int64)
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
def _sampled(tone: Complex, times: tuple[float, float, float], samples: int) -> Complex:
    """The tone in the middle of each sample of the capture."""
    dt, begin, tick = times
    out = np.zeros(samples, np.complex128)
    for sample in range(samples):
        place = int(np.floor(((sample + 0.5) * dt - begin) / tick))
        if 0 <= place < len(tone):
            out[sample] = tone[place]
    return out
