"""What inputs hear when each is plugged into an output: the simulator has no inputs, so they are summed up here.

A module multiplies what arrives by its oscillator, delayed by the way through the cables, and sums over the window with weights,

    S = sum_k w_k d(t + k - T) exp(-2 pi i (f (t + k - T) + phase)) / sqrt(1/2)

with what the output's converters held, ``d``, the time of flight ``T``, and the oscillator as it was at the acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Window:
    """One acquisition as it was executed.

    Attributes:
        acquisition: Index.
        start: ns since the synchronisation.
        weights: ``complex128[ns]``, those of path I; of path Q in the imaginary part.
        frequency: Of the oscillator, Hz.
        turns: Its phase at the start, turns.
    """

    acquisition: int
    start: int
    weights: NDArray[np.complex128]
    frequency: float
    turns: float

    def heard(self, emitted: NDArray[np.complex128], time_of_flight: int) -> complex:
        """The sum of what an output emitted."""
        first, n = self.start - time_of_flight, len(self.weights)
        ns = np.arange(n) - time_of_flight
        demodulated = emitted[first : first + n] * np.exp(-2j * np.pi * (self.turns + self.frequency * 1e-9 * ns)) / sqrt(0.5)
        return complex(self.weights.real @ demodulated.real + 1j * (self.weights.imag @ demodulated.imag))


def overhear(one: Any) -> list[Window]:
    """Keep a list of all acquisitions of one of the simulator's sequencers from now on."""
    renderer, found = one.rt_renderer, []
    usual = renderer._add_acquisition

    def add(index: int, bin_index: int, duration: int, weight0: int | None = None, weight1: int | None = None) -> None:
        if weight0 is None:
            weights = np.full(duration, 1 + 1j)
        else:
            weights = renderer.acq_weights[weight0] + 1j * renderer.acq_weights[weight1]
        turns = renderer.nco_phase_offset + renderer.relative_phase + renderer.delta_phase
        turns += renderer.nco_frequency * 1e-9 * renderer.time
        found.append(Window(int(index), int(renderer.time - renderer.t_sync), weights, renderer.nco_frequency, float(turns)))
        usual(index, bin_index, duration, weight0, weight1)

    renderer._add_acquisition = add
    return found
