"""What one tick of a flux pulse does to a pair, at any frequency of the coupler: Chebyshev interpolants on a fixed grid.

A tick is an entire function of the coupler's frequency. The phase of one excitation of the coupler, which all states have in
common here, is left out; what is left turns by at most an eighth of a turn to either side of a panel's middle, since the coupler
has none to two. Its series then ends after 13 terms at 1e-15, as Bessel functions do (Trefethen, Approximation Theory and
Approximation Practice, chapter 8). Panels are fixed, so a tick does not depend on which others are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.propagator import exponentiate

_TAU = 2 * np.pi
_NODES = 13
_PER_TURN = 4
"""Panels in a turn per tick of one excitation of the coupler."""
_ANGLES = np.pi * (np.arange(_NODES) + 0.5) / _NODES
_SERIES = 2 / _NODES * np.cos(np.multiply.outer(np.arange(_NODES), _ANGLES)) * np.where(np.arange(_NODES), 1.0, 0.5)[:, None]
"""From values at the Chebyshev points of the first kind to weights of the polynomials."""

Sizes = NDArray[np.int64]


class Blocks(NamedTuple):
    """A pair's Hamiltonian ``rest + f coupler`` in blocks of equal excitation number, Hz.

    Attributes:
        rest: ``float[blocks, size, size]``, at coupler frequency zero.
        coupler: The same, the coupler's excitations.
        sizes: ``int[blocks]``, states of each block.
    """

    rest: Real
    coupler: Real
    sizes: Sizes


class Ticks:
    """Interpolants of one tick, made when first needed.

    Args:
        blocks: The Hamiltonian.
        dt: Tick in s.
    """

    def __init__(self, blocks: Blocks, dt: float) -> None:
        self._blocks = blocks
        self._dt = dt
        self._panels: dict[int, Real] = {}

    def around(self, frequency: Real) -> tuple[Real, Real, Real]:
        """Interpolants that some frequencies need.

        Args:
            frequency: ``float[n, runs]``, of the coupler in Hz.

        Returns:
            ``float[panels, nodes, 2 * entries]``: weights of polynomials, of the real parts of all blocks row by row and of the
            imaginary ones; ``float[n, runs]``, where in the panels frequencies lie: panel and place between 0 and 1; and
            ``float[n, runs]``, the phase in rad that all states have left out in a tick.
        """
        at = frequency * self._dt * _PER_TURN
        lowest, highest = int(np.floor(at.min())), int(np.floor(at.max()))
        table = np.stack([self._panel(place) for place in range(lowest, highest + 1)])
        at = at - lowest
        return table, at, _TAU / _PER_TURN * (at - np.floor(at) - 0.5)

    def _panel(self, place: int) -> Real:
        if place not in self._panels:
            values = _solve(
                *self._blocks, self._dt, (place + 0.5) / (_PER_TURN * self._dt), np.cos(_ANGLES) / (2 * _PER_TURN * self._dt)
            )
            flat = np.concatenate([values.real, values.imag], axis=1)
            self._panels[place] = _SERIES @ flat
        return self._panels[place]


@compiled()
def _solve(rest: Real, coupler: Real, sizes: Sizes, dt: float, middle: float, apart: Real) -> Complex:
    """Ticks of all blocks row by row, ``complex[nodes, entries]``; ``apart`` from the middle a coupler's excitation is free."""
    out = np.zeros((len(apart), (sizes**2).sum()), np.complex128)
    first = 0
    for block in range(len(sizes)):
        dim = sizes[block]
        h, step = np.zeros((dim, dim), np.complex128), np.zeros((dim, dim), np.complex128)
        room = np.zeros((4, dim, dim), np.complex128)
        for node in range(len(apart)):
            for i in range(dim):
                for j in range(dim):
                    h[i, j] = -1j * _TAU * dt * (rest[block, i, j] + (middle + apart[node]) * coupler[block, i, j])
                h[i, i] += 1j * _TAU * dt * apart[node]
            exponentiate(h, room, step)
            for i in range(dim):
                for j in range(dim):
                    out[node, first + i * dim + j] = step[i, j]
        first += dim * dim
    return out
