"""Dispersive readout: the resonator's field for each level of its qubit, and what a capture gets of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import Waveform
from qpu_emulator.chip.device import Resonator
from qpu_emulator.jit import compiled
from qpu_emulator.readout.afterglow import pulls

_TAU = 2 * np.pi
_LEVELS = 3
_JUMPS = ((0, 1), (1, 0), (1, 2), (2, 1))


@dataclass(frozen=True, slots=True)
class Response:
    """What one tone of unit amplitude and phase zero brings to one capture, as a function of the qubit's history.

    Attributes:
        still: ``complex[3]``, integrated signal if the level stays.
        jumps: ``complex[4, samples + 1]``, if it jumps at the start of a sample (0-1, 1-0, 1-2, 2-1).
        field: ``complex[3, samples]``, demodulated signal if the level stays, before the weights.
        ringing: ``complex[3]``, factor per sample of what is left of an earlier level's field, demodulated.
        tails: ``complex[3, samples + 1]``, integrated signal of a unit field that rings down from the start of a sample on.
        first: First sample of the capture within the measurement.
        count: Samples of the capture.
        noise: Standard deviation of each quadrature of the integrated signal.
        sample_noise: The same of one sample of the trace.
        loudest: Largest magnitude of ``still``.
    """

    still: NDArray[np.complex128]
    jumps: NDArray[np.complex128]
    field: NDArray[np.complex128]
    ringing: NDArray[np.complex128]
    tails: NDArray[np.complex128]
    first: int
    count: int
    noise: float
    sample_noise: float
    loudest: float


@dataclass(frozen=True, slots=True)
class Listening:
    """One tone and one capture of a measurement.

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


def respond(resonator: Resonator, listening: Listening) -> Response:
    """Solve the linear resonator for each level of the qubit."""
    first = round(listening.start / listening.dt)
    weights = np.zeros(first + listening.count, complex)
    weights[first:] = 1.0 if listening.kernel is None else listening.kernel.expand()
    off = resonator.frequency + pulls(resonator) - listening.tone_frequency
    decay = np.asarray(np.pi * resonator.kappa + 1j * _TAU * off, np.complex128)
    # seen from the frame of the capture, the tone turns as any play does: exp(-2 pi i (f - f_capture) t)
    beat = 1j * _TAU * (listening.tone_frequency - listening.frequency) * listening.dt
    turn = resonator.gain * np.exp(1j * resonator.cable_phase - beat / 2)
    ringing = np.exp(-decay * listening.dt - beat)
    tone = listening.tone.expand() * complex(resonator.drive)
    times = listening.dt, listening.tone_start, listening.tone_dt
    still, jumps, field, tails = _solve(tone, times, decay, turn, np.exp(-beat), weights, ringing)
    spread = resonator.noise * np.sqrt(1e-9 / listening.dt)
    noise = spread * float(np.linalg.norm(weights))
    return Response(still, jumps, field, ringing, tails, first, listening.count, noise, spread, float(np.abs(still).max()))


@compiled()
def _solve(
    tone: NDArray[np.complex128],
    times: tuple[float, float, float],
    decay: NDArray[np.complex128],
    turn: complex,
    step: complex,
    weights: NDArray[np.complex128],
    ringing: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
    """The arrays of `Response` of a resonator that starts empty: still, jumps, field, tails.

    Args:
        tone: What drives it, tick by tick.
        times: Sample of the capture, start and tick of the tone, s.
        decay: Of each level, 1/s.
        turn: What a field is worth to the capture in the middle of the first sample.
        step: By which that turns from sample to sample.
        weights: Of the samples.
        ringing: See `Response`.
    """
    (dt, begin, tick), samples = times, len(weights)
    half = np.exp(-decay * (dt / 2))
    gain = (1 - half) / decay
    field = np.empty((_LEVELS, samples), np.complex128)
    gathered = np.zeros((_LEVELS, samples + 1), np.complex128)
    tails = np.zeros((_LEVELS, samples + 1), np.complex128)
    inside = np.zeros(_LEVELS, np.complex128)
    # levels go side by side: each waits for its own last number
    for sample in range(samples):
        place = int(np.floor(((sample + 0.5) * dt - begin) / tick))
        driven = tone[place] if 0 <= place < len(tone) else 0.0j
        for level in range(_LEVELS):
            middle = half[level] * inside[level] + gain[level] * driven
            inside[level] = half[level] * middle + gain[level] * driven
            field[level, sample] = middle * turn
            gathered[level, sample + 1] = gathered[level, sample] + middle * turn * weights[sample]
        turn *= step
    for sample in range(samples - 1, -1, -1):
        for level in range(_LEVELS):
            tails[level, sample] = weights[sample] + ringing[level] * tails[level, sample + 1]
    jumps = np.empty((len(_JUMPS), samples + 1), np.complex128)
    for row in range(len(_JUMPS)):
        old, new = _JUMPS[row]
        for sample in range(samples):
            left = gathered[old, sample] + gathered[new, samples] - gathered[new, sample]
            jumps[row, sample] = left + (field[old, sample] - field[new, sample]) * tails[new, sample]
        jumps[row, samples] = gathered[old, samples]
    return gathered[:, samples].copy(), jumps, field, tails
