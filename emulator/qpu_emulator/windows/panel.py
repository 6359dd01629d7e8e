"""Windows of a pulse whose amplitude is swept: solved at a few amplitudes, interpolated between them.

The nodes lie on a fixed grid, so that a window depends only on its amplitude, not on which others are asked for with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qpu_emulator.windows.basis import Real

_PER_UNIT = 16
_NODES = 28
_TOLERANCE = 1e-8
_TRIALS = np.array([0.137, 0.618])

Solve = Callable[[Real], Real]


class Panels:
    """Interpolants of one pulse, one per sixteenth of full scale, made when first needed.

    Args:
        solve: Exact windows at some amplitudes.
    """

    def __init__(self, solve: Solve) -> None:
        self._solve = solve
        self._panels: dict[int, Real | None] = {}

    def windows(self, amplitudes: Real) -> Real:
        """Windows at ``amplitudes[n]``: interpolated to 1e-8, or exact where interpolation cannot do that."""
        places = np.floor(amplitudes * _PER_UNIT).astype(np.int64)
        out: Real | None = None
        for place in np.unique(places).tolist():
            here = places == place
            found = self._panel(place)
            inside = amplitudes[here] * _PER_UNIT - place
            part = self._solve(amplitudes[here]) if found is None else _interpolate(found, inside)
            out = np.zeros((len(amplitudes), *part.shape[1:])) if out is None else out
            out[here] = part
        assert out is not None
        return out

    def _panel(self, place: int) -> Real | None:
        if place not in self._panels:
            known = self._solve((place + _nodes()) / _PER_UNIT)
            wrong = np.abs(_interpolate(known, _TRIALS) - self._solve((place + _TRIALS) / _PER_UNIT)).max()
            self._panels[place] = known if wrong < _TOLERANCE else None
        return self._panels[place]


def _nodes() -> Real:
    """Chebyshev points of the second kind on [0, 1]."""
    return np.asarray((1 - np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))) / 2)


def _interpolate(known: Real, inside: Real) -> Real:
    """Barycentric interpolation of ``known[nodes, ...]`` at positions in [0, 1]."""
    weights = np.where(np.arange(_NODES) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2
    gap = inside[:, None] - _nodes()
    exact = np.abs(gap) < 1e-14
    shares = weights / np.where(exact, 1.0, gap)
    shares[exact.any(axis=1)] = 0.0
    shares[exact] = 1.0
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(np.tensordot(shares, known, axes=1))
