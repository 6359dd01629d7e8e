"""Dispersive readout: the resonator's field for each level of its qubit, and what a capture gets of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qpu_emulator.chip.device import Resonator
from qpu_emulator.readout.driven import Complex, Driven, Real, solve, still
from qpu_emulator.readout.probe import Probe

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


def respond(resonator: Resonator, probe: Probe) -> Response:
    """Solve the linear resonator for each level of the qubit."""
    found = respond_each(resonator, probe, probe.frequencies)
    return replace(found, gathered=found.gathered[0], field=found.field[0], ringing=found.ringing[0], tails=found.tails[0])


def respond_each(resonator: Resonator, probe: Probe, frequencies: Real) -> Response:
    """The same at several frequencies of tone and capture, ``float[n, 2]`` in Hz, instead of those of ``probe``."""
    driven = Driven.of(resonator, probe, frequencies)
    gathered, field, ringing, tails = solve(*driven)
    spread = resonator.noise * np.sqrt(1e-9 / probe.dt)
    first = probe.until - probe.samples
    return Response(gathered, field, ringing, tails, first, probe.samples, driven.noise(resonator), spread)


def loudness(resonator: Resonator, probe: Probe, frequencies: Real) -> float:
    """Largest magnitude of `Response.still` at several frequencies in units of its noise, without the rest."""
    driven = Driven.of(resonator, probe, frequencies)
    noise = driven.noise(resonator)
    return float(np.abs(still(*driven)).max()) / noise if noise else np.inf
