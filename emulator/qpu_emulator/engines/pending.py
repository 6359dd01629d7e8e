"""What is due on the qubits of a trajectory but not yet played on its state: 2 x 2 matrices, and ZZ turns seen through them.

Gates on single qubits cost a pass over the whole state each if played at once; gathered until the next window on two qubits they
cost nothing. The ZZ of idle neighbours is gathered in the frame of what is pending (first order of the Magnus series; what a pair
has gathered beyond a tenth of a radian is played before more comes).

All is done to the sixteen lanes of a block at a time. Matrices are flat, as blocks are (entry ``e`` has its real parts at
``32 e``, its imaginary parts 16 behind), but in double precision. Indices are unsigned: with signed ones numba wraps negative
indices, and the loops are not vectorised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.pure import Block
from qpu_emulator.jit import compiled
from qpu_emulator.stream import circle

Real = NDArray[np.float64]

_16, _32, _48, _64, _80, _96, _112, _128 = (np.uint64(number) for number in range(16, 144, 16))
_XX, _XY, _XZ, _YX, _YY, _YZ, _ZX, _ZY, _ZZ = (np.uint64(number) for number in range(0, 288, 32))
_TURNS = 1 / (2 * np.pi)


@compiled()
def forget(matrix: Real) -> None:
    """Make it the identity."""
    matrix[:] = 0.0
    for w in range(16):
        matrix[w] = matrix[96 + w] = 1.0


@compiled()
def turn_phase(matrix: Real, lower: Real, upper: Real, angle: Real) -> None:
    """Multiply by ``diag(lower, upper exp(-i angle))``."""
    for w in range(_16):
        cosine, sine = circle(_TURNS * angle[w])
        x, y, factor = upper[w] * cosine, -upper[w] * sine, lower[w]
        matrix[w] *= factor
        matrix[_16 + w] *= factor
        matrix[_32 + w] *= factor
        matrix[_48 + w] *= factor
        re, im = matrix[_64 + w], matrix[_80 + w]
        matrix[_64 + w], matrix[_80 + w] = x * re - y * im, x * im + y * re
        re, im = matrix[_96 + w], matrix[_112 + w]
        matrix[_96 + w], matrix[_112 + w] = x * re - y * im, x * im + y * re


@compiled()
def multiply(matrix: Real, other: Real) -> None:
    """Multiply from the left by ``float[128]``."""
    for column in range(np.uint64(2)):
        low = _32 * column
        high = _64 + low
        for w in range(_16):
            p, q, r, s = matrix[low + w], matrix[low + _16 + w], matrix[high + w], matrix[high + _16 + w]
            matrix[low + w] = other[w] * p - other[_16 + w] * q + other[_32 + w] * r - other[_48 + w] * s
            matrix[low + _16 + w] = other[w] * q + other[_16 + w] * p + other[_32 + w] * s + other[_48 + w] * r
            matrix[high + w] = other[_64 + w] * p - other[_80 + w] * q + other[_96 + w] * r - other[_112 + w] * s
            matrix[high + _16 + w] = other[_64 + w] * q + other[_80 + w] * p + other[_96 + w] * s + other[_112 + w] * r


@compiled()
def together(first: Real, second: Real, block: Block) -> None:
    """The matrix of two qubits, ``float32[512]``."""
    for row in range(np.uint64(4)):
        for column in range(np.uint64(4)):
            a = _64 * (row >> np.uint64(1)) + _32 * (column >> np.uint64(1))
            b = _64 * (row & np.uint64(1)) + _32 * (column & np.uint64(1))
            out = _128 * row + _32 * column
            for w in range(_16):
                p, q, r, s = first[a + w], first[a + _16 + w], second[b + w], second[b + _16 + w]
                block[out + w], block[out + _16 + w] = p * r - q * s, p * s + q * r


@compiled()
def _axis(m: Real, w: int) -> tuple[float, float, float]:
    """Unit vector of ``P+ Z P``."""
    p, pi, q, qi = m[w], m[_16 + w], m[_32 + w], m[_48 + w]
    r, ri, s, si = m[_64 + w], m[_80 + w], m[_96 + w], m[_112 + w]
    x = p * q + pi * qi - r * s - ri * si
    y = -p * qi + pi * q + r * si - ri * s
    z = (p * p + pi * pi - r * r - ri * ri - q * q - qi * qi + s * s + si * si) / 2
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-300)
    return x * scale, y * scale, z * scale


@compiled()
def gather(turns: Real, first: Real, second: Real, turn: Real) -> None:
    """Add ``turn / 4 Z Z`` to the pair's ``float[144]``, seen through what is pending on both qubits."""
    for w in range(_16):
        a, b, c = _axis(first, w)
        x, y, z = _axis(second, w)
        angle = turn[w] / 4
        angle -= np.pi * np.rint(angle / np.pi)
        a, b, c = a * angle, b * angle, c * angle
        turns[w] += a * x
        turns[_16 + w] += a * y
        turns[_32 + w] += a * z
        turns[_48 + w] += b * x
        turns[_64 + w] += b * y
        turns[_80 + w] += b * z
        turns[_96 + w] += c * x
        turns[_112 + w] += c * y
        turns[_128 + w] += c * z


@compiled()
def length(turns: Real, out: Real) -> None:
    """Norm of what each lane of a pair has gathered, rad."""
    out[:] = 0.0
    for entry in range(np.uint64(9)):
        for w in range(_16):
            out[w] += turns[_16 * entry + w] * turns[_16 * entry + w]
    for w in range(_16):
        out[w] = np.sqrt(out[w])


@compiled()
def exchange(turns: Real, swapped: bool, block: Block, e: Real) -> None:
    """``exp(-iH)`` of ``H = sum C_jk s_j s_k`` into ``float32[512]``, perhaps with the qubits in the other order.

    By ``H^2 = |C|^2 - 2 cof(C) . s s``; exact where one turn is gathered. ``e[336]`` is scratch.
    """
    first, second = (_16, _48) if swapped else (_48, _16)
    straight, slope, bend = e[288:304], e[304:320], e[320:336]
    length(turns, straight)
    for w in range(_16):
        size = straight[w]
        scale = 1 / max(size, 1e-9)
        cosine, sine = circle(_TURNS * size)
        half = circle(_TURNS / 2 * size)[1]
        straight[w], slope[w], bend[w] = cosine, sine * scale, 4 * half * half * scale * scale
    for j in range(3):
        for k in range(3):
            u, v = first * np.uint64((j + 1) % 3), first * np.uint64((j + 2) % 3)
            x, y = second * np.uint64((k + 1) % 3), second * np.uint64((k + 2) % 3)
            place, own = _32 * np.uint64(3 * j + k), first * np.uint64(j) + second * np.uint64(k)
            for w in range(_16):
                minor = turns[u + x + w] * turns[v + y + w] - turns[u + y + w] * turns[v + x + w]
                e[place + w], e[place + _16 + w] = bend[w] * minor, -slope[w] * turns[own + w]
    for i in range(2):
        for m in range(2):
            # s_x puts 1 beside the diagonal, s_y puts -i above it and i below it
            row, s, t = np.uint64(2 * i + m), 1.0 - 2.0 * i, 1.0 - 2.0 * m
            same, fine = _128 * row + _32 * row, _128 * row + _32 * (row ^ np.uint64(1))
            coarse, both = _128 * row + _32 * (row ^ np.uint64(2)), _128 * row + _32 * (row ^ np.uint64(3))
            for w in range(_16):
                block[same + w] = straight[w] + s * t * e[_ZZ + w]
                block[same + _16 + w] = s * t * e[_ZZ + _16 + w]
                block[fine + w] = s * (e[_ZX + w] + t * e[_ZY + _16 + w])
                block[fine + _16 + w] = s * (e[_ZX + _16 + w] - t * e[_ZY + w])
                block[coarse + w] = t * (e[_XZ + w] + s * e[_YZ + _16 + w])
                block[coarse + _16 + w] = t * (e[_XZ + _16 + w] - s * e[_YZ + w])
                block[both + w] = e[_XX + w] + t * e[_XY + _16 + w] + s * e[_YX + _16 + w] - s * t * e[_YY + w]
                block[both + _16 + w] = e[_XX + _16 + w] - t * e[_XY + w] - s * e[_YX + w] - s * t * e[_YY + _16 + w]
