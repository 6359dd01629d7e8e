"""Pure states of several lanes side by side: single precision, sixteen lanes in every inner loop.

A block is a flat array: amplitude ``i`` has its sixteen real parts at ``32 i``, its imaginary parts 16 behind. Indices are
unsigned: with signed ones numba wraps negative indices, and the loops are not vectorised (five times slower).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

WIDTH = 16
"""Lanes in a block."""

_PLACE = np.uint64(32)
_16, _32, _48, _64, _80, _96, _112 = (np.uint64(number) for number in range(16, 128, 16))
_128, _256, _384 = np.uint64(128), np.uint64(256), np.uint64(384)
_0 = np.uint64(0)

Block = NDArray[np.float32]


@compiled()
def _row(
    s: Block, d: Block, t: Block, p0: np.uint64, p1: np.uint64, p2: np.uint64, p3: np.uint64, r: np.uint64, q: np.uint64
) -> None:
    for w in range(_16):
        d[q + w] = (
            t[r + w] * s[p0 + w]
            - t[r + _16 + w] * s[p0 + _16 + w]
            + t[r + _32 + w] * s[p1 + w]
            - t[r + _48 + w] * s[p1 + _16 + w]
            + t[r + _64 + w] * s[p2 + w]
            - t[r + _80 + w] * s[p2 + _16 + w]
            + t[r + _96 + w] * s[p3 + w]
            - t[r + _112 + w] * s[p3 + _16 + w]
        )
        d[q + _16 + w] = (
            t[r + w] * s[p0 + _16 + w]
            + t[r + _16 + w] * s[p0 + w]
            + t[r + _32 + w] * s[p1 + _16 + w]
            + t[r + _48 + w] * s[p1 + w]
            + t[r + _64 + w] * s[p2 + _16 + w]
            + t[r + _80 + w] * s[p2 + w]
            + t[r + _96 + w] * s[p3 + _16 + w]
            + t[r + _112 + w] * s[p3 + w]
        )


@compiled()
def _weigh(d: Block, norm: Block, p: np.uint64) -> None:
    for w in range(_16):
        norm[w] += d[p + w] * d[p + w] + d[p + _16 + w] * d[p + _16 + w]


@compiled()
def sweep(source: Block, target: Block, matrix: Block, norm: NDArray[np.float64], stride: int, other: int) -> None:
    """Multiply two qubits of every lane by the lane's own matrix, from one block into another.

    Args:
        source: Block.
        target: Block of the same size.
        matrix: Block of 16 numbers: the rows of a 4 x 4 matrix, the first qubit varying slowly.
        norm: ``float[16]``, squared norms of the results.
        stride: Distance of amplitudes that differ in the first qubit.
        other: In the second.
    """
    coarse, fine = max(stride, other), min(stride, other)
    part = np.zeros(16, np.float32)
    norm[:] = 0.0
    a, b = np.uint64(stride) * _PLACE, np.uint64(other) * _PLACE
    for high in range(len(source) // 32 // (2 * coarse)):
        for middle in range(coarse // (2 * fine)):
            for low in range(fine):
                p0 = np.uint64(high * 2 * coarse + middle * 2 * fine + low) * _PLACE
                p1, p2, p3 = p0 + b, p0 + a, p0 + a + b
                _row(source, target, matrix, p0, p1, p2, p3, _0, p0)
                _row(source, target, matrix, p0, p1, p2, p3, _128, p1)
                _row(source, target, matrix, p0, p1, p2, p3, _256, p2)
                _row(source, target, matrix, p0, p1, p2, p3, _384, p3)
                _weigh(target, part, p0)
                _weigh(target, part, p1)
                _weigh(target, part, p2)
                _weigh(target, part, p3)
                if low % 256 == 255 or low == fine - 1:  # sums in single precision stay short
                    for w in range(16):
                        norm[w] += part[w]
                        part[w] = 0.0
