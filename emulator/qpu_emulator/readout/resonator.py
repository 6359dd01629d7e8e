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
    samples = first + listening.count
    middle = (np.arange(samples) + 0.5) * listening.dt
    inside = np.floor((middle - listening.tone_start) / listening.tone_dt).astype(np.int64)
    plain = listening.tone.expand()
    played = (inside >= 0) & (inside < len(plain))
    drive = (np.where(played, plain[np.clip(inside, 0, len(plain) - 1)], 0) * resonator.drive).astype(np.complex128)
    decay = np.pi * resonator.kappa + 1j * _TAU * (resonator.frequency + pulls(resonator) - listening.tone_frequency)
    # seen from the frame of the capture, the tone turns as any play does: exp(-2 pi i (f - f_capture) t)
    beat = _TAU * (listening.tone_frequency - listening.frequency)
    turn = resonator.gain * np.exp(1j * (resonator.cable_phase - beat * middle))
    field = np.array([_ring(drive, rate, listening.dt) for rate in decay]) * turn
    ringing = np.exp(-decay * listening.dt - 1j * beat * listening.dt)
    weights = np.zeros(samples, complex)
    weights[first:] = 1.0 if listening.kernel is None else listening.kernel.expand()
    gathered = np.concatenate([np.zeros((_LEVELS, 1)), np.cumsum(field * weights, axis=1)], axis=1)
    tails = np.array([_tail(weights, factor) for factor in ringing])
    jumps = np.zeros((len(_JUMPS), samples + 1), complex)
    for row, (old, new) in enumerate(_JUMPS):
        jumps[row] = gathered[old] + gathered[new, -1] - gathered[new]
        jumps[row, :-1] += (field[old] - field[new]) * tails[new]
    spread = resonator.noise * np.sqrt(1e-9 / listening.dt)
    noise = spread * float(np.sqrt((abs(weights) ** 2).sum()))
    tails = np.concatenate([tails, np.zeros((_LEVELS, 1))], axis=1)
    still = gathered[:, -1]
    return Response(still, jumps, field, ringing, tails, first, listening.count, noise, spread, float(np.abs(still).max()))


@compiled()
def _ring(drive: NDArray[np.complex128], rate: complex, dt: float) -> NDArray[np.complex128]:
    """Field at the middle of each sample of a resonator that starts empty."""
    out = np.zeros(len(drive), np.complex128)
    half = np.exp(-rate * dt / 2)
    gain = (1 - half) / rate
    field = 0.0 + 0.0j
    for sample in range(len(drive)):
        field = half * field + gain * drive[sample]
        out[sample] = field
        field = half * field + gain * drive[sample]
    return out


@compiled()
def _tail(weights: NDArray[np.complex128], factor: complex) -> NDArray[np.complex128]:
    """Weighted sum from each sample on of a signal that starts there at 1 and rings down."""
    out = np.zeros(len(weights), np.complex128)
    total = 0.0 + 0.0j
    for back in range(len(weights)):
        sample = len(weights) - 1 - back
        total = weights[sample] + factor * total
        out[sample] = total
    return out
