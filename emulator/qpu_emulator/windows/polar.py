"""The unitary nearest to a propagator, as Newton's iteration finds it (Higham, SIAM J. Sci. Stat. Comput. 7, 1160)."""

from __future__ import annotations

import numpy as np

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex

_CLOSE = 1e-8
"""A step as small leaves an error of its square."""
_MOST = 60
_TINY = 1e-150
"""Instead of a pivot of zero: what is lost altogether may become any unitary."""


def nearest_unitary(matrices: Complex) -> Complex:
    """Unitary polar factors.

    Args:
        matrices: ``complex[..., size, size]``.
    """
    flat = np.ascontiguousarray(matrices, complex).reshape(-1, *matrices.shape[-2:])
    return _polar(flat).reshape(matrices.shape)


@compiled()
def _polar(matrices: Complex) -> Complex:
    out = matrices.copy()
    size = matrices.shape[1]
    room, inverse = np.zeros((size, size), np.complex128), np.zeros((size, size), np.complex128)
    for index in range(len(matrices)):
        x = out[index]
        for _ in range(_MOST):
            _invert(x, room, inverse)
            here, there = 0.0, 0.0
            for i in range(size):
                for j in range(size):
                    here += x[i, j].real ** 2 + x[i, j].imag ** 2
                    there += inverse[i, j].real ** 2 + inverse[i, j].imag ** 2
            # singular values are brought around 1
            scale = (there / here) ** 0.25
            moved = 0.0
            for i in range(size):
                for j in range(size):
                    new = 0.5 * (scale * x[i, j] + np.conj(inverse[j, i]) / scale)
                    moved += (new.real - x[i, j].real) ** 2 + (new.imag - x[i, j].imag) ** 2
                    x[i, j] = new
            if moved < _CLOSE**2:
                break
    return out


@compiled()
def _invert(matrix: Complex, room: Complex, out: Complex) -> None:
    """By Gauss and Jordan, the largest entry of a column as its pivot; what is zero costs nothing."""
    size = matrix.shape[0]
    for i in range(size):
        for j in range(size):
            room[i, j], out[i, j] = matrix[i, j], 0.0
        out[i, i] = 1.0
    for column in range(size):
        best, pivot = -1.0, column
        for row in range(column, size):
            found = room[row, column].real ** 2 + room[row, column].imag ** 2
            if found > best:
                best, pivot = found, row
        if pivot != column:
            for j in range(size):
                room[column, j], room[pivot, j] = room[pivot, j], room[column, j]
                out[column, j], out[pivot, j] = out[pivot, j], out[column, j]
        factor = 1.0 / (room[column, column] if best > _TINY**2 else complex(_TINY, 0.0))
        for j in range(size):
            room[column, j] *= factor
            out[column, j] *= factor
        for row in range(size):
            factor = room[row, column]
            if row != column and (factor.real != 0.0 or factor.imag != 0.0):
                for j in range(size):
                    room[row, j] -= factor * room[column, j]
                    out[row, j] -= factor * out[column, j]
