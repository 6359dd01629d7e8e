"""Dispersive readout: the resonator's field for each level of its qubit, and what a capture gets of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.jit import compiled
from qpu_emulator.readout.afterglow import pulls

Real = NDArray[np.float64]

_TAU = 2 * np.pi
_LEVELS = 3
_JUMPS = ((0, 1), (1, 0), (1, 2), (2, 1))


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

    gathered: NDArray[np.complex128]
    field: NDArray[np.complex128]
    ringing: NDArray[np.complex128]
    tails: NDArray[np.complex128]
    first: int
    count: int
    noise: float
    sample_noise: float

    @property
    def still(self) -> NDArray[np.complex128]:
        """``complex[3]``, integrated signal if the level stays."""
        return np.asarray(self.gathered[..., -1])

    @property
    def jumps(self) -> NDArray[np.complex128]:
        """``complex[4, samples + 1]``, integrated signal if the level jumps at the start of a sample (0-1, 1-0, 1-2, 2-1)."""
        (old, new), past = np.array(_JUMPS).T, np.zeros((*self.field.shape[:-1], 1))
        field = np.concatenate([self.field, past], axis=-1)
        rest = (field[..., old, :] - field[..., new, :]) * self.tails[..., new, :]
        return np.asarray(self.gathered[..., old, :] + self.gathered[..., new, -1:] - self.gathered[..., new, :] + rest)


@dataclass(frozen=True, slots=True)
class Probe:
    """One tone and one capture of a measurement: what a resonator is probed with.

    Attributes:
        tone: Envelope.
        tone_dt: Its tick, s.
        tone_start: s after the start of the measurement.
        tone_frequency: Hz.
        kernel: Weights, None for ones; "raw" captures take none.
        dt: Sample of the capture, s.
        start: Of the capture, s after the start of the measurement.
        count: Samples of the capture.
        frequency: Demodulation frequency, Hz.
    """

    tone: Waveform
    tone_dt: float
    tone_start: float
    tone_frequency: float
    kernel: Waveform | None
    dt: float
    start: float
    count: int
    frequency: float


def respond(resonator: Resonator, probe: Probe) -> Response:
    """Solve the linear resonator for each level of the qubit."""
    found = respond_each(resonator, probe, np.array([[probe.tone_frequency, probe.frequency]]))
    return replace(found, gathered=found.gathered[0], field=found.field[0], ringing=found.ringing[0], tails=found.tails[0])


def respond_each(resonator: Resonator, probe: Probe, frequencies: Real) -> Response:
    """The same at several frequencies of tone and capture, ``float[n, 2]`` in Hz, instead of those of ``probe``."""
    _, gathered, field, ringing, tails = _solve(True, *_driven(resonator, probe, frequencies))
    spread = resonator.noise * np.sqrt(1e-9 / probe.dt)
    first = field.shape[-1] - probe.count
    return Response(gathered, field, ringing, tails, first, probe.count, noise(resonator, probe), spread)


def loudest(resonator: Resonator, probe: Probe, frequencies: Real) -> float:
    """Largest magnitude of `Response.still` at several frequencies, without the rest."""
    return float(np.abs(_solve(False, *_driven(resonator, probe, frequencies))[0]).max())


def noise(resonator: Resonator, probe: Probe) -> float:
    """See `Response`."""
    return resonator.noise * float(np.sqrt(1e-9 / probe.dt) * np.linalg.norm(_weights(probe)))


def _weights(probe: Probe) -> NDArray[np.complex128]:
    """Of each sample since the start of the measurement."""
    first = round(probe.start / probe.dt)
    weights = np.zeros(first + probe.count, complex)
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
    whole: bool,
    tone: NDArray[np.complex128],
    times: tuple[float, float, float],
    decays: NDArray[np.complex128],
    turns: NDArray[np.complex128],
    steps: NDArray[np.complex128],
    weights: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], ...]:
    """The arrays of `Response` of a resonator that starts empty: still, gathered, field, ringing, tails.

    Args:
        whole: Whether more is wanted than the first; the others are not filled else.
        tone: What drives it, tick by tick.
        times: Sample of the capture, start and tick of the tone, s.
        decays: ``complex[n, 3]``, of each level, 1/s.
        turns: ``complex[n]``, what a field is worth to the capture in the middle of the first sample.
        steps: ``complex[n]``, by which that turns from sample to sample.
        weights: Of the samples.
    """
    (dt, begin, tick), samples, count = times, len(weights), len(decays) if whole else 0
    still, ringing = np.empty(decays.shape, np.complex128), np.empty(decays.shape, np.complex128)
    field = np.empty((count, _LEVELS, samples), np.complex128)
    gathered = np.empty((count, _LEVELS, samples + 1), np.complex128)
    tails = np.empty((count, _LEVELS, samples + 1), np.complex128)
    inside, total = np.zeros(_LEVELS, np.complex128), np.zeros(_LEVELS, np.complex128)
    for one in range(len(decays)):
        turn = turns[one]
        half = np.exp(-decays[one] * (dt / 2))
        gain = (1 - half) / decays[one]
        ringing[one] = half * half * steps[one]
        inside[:] = total[:] = 0.0
        # levels go side by side: each waits for its own last number
        for sample in range(samples):
            place = int(np.floor(((sample + 0.5) * dt - begin) / tick))
            driven = tone[place] if 0 <= place < len(tone) else 0.0j
            for level in range(_LEVELS):
                middle = half[level] * inside[level] + gain[level] * driven
                inside[level] = half[level] * middle + gain[level] * driven
                if whole:
                    field[one, level, sample] = middle * turn
                    gathered[one, level, sample] = total[level]
                total[level] += middle * turn * weights[sample]
            turn *= steps[one]
        still[one] = total
        if not whole:
            continue
        gathered[one, :, samples] = total
        tails[one, :, samples] = 0.0
        for sample in range(samples - 1, -1, -1):
            for level in range(_LEVELS):
                tails[one, level, sample] = weights[sample] + ringing[one, level] * tails[one, level, sample + 1]
    return still, gathered, field, ringing, tails
