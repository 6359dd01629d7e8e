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

from qpu_emulator.engines.engine import IDLE
from qpu_emulator.engines.jumps import Fate, Idling, Steps
from qpu_emulator.engines.pure import Block
from qpu_emulator.jit import compiled
from qpu_emulator.stream import circle, uniform

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Real = NDArray[np.float64]
Rows = NDArray[np.uint64]
Short = NDArray[np.int32]

_16, _32, _48, _64, _80, _96, _112, _128 = (np.uint64(number) for number in range(16, 144, 16))
_XX, _XY, _XZ, _YX, _YY, _YZ, _ZX, _ZY, _ZZ = (np.uint64(number) for number in range(0, 288, 32))
_0, _1, _2, _8, _9 = (np.uint64(number) for number in (0, 1, 2, 8, 9))
_MOST_TURN = 0.1
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
def _length(turns: Real, w: int) -> float:
    """Norm of what a lane of a pair has gathered, rad."""
    total = 0.0
    for entry in range(_9):
        total += turns[_16 * entry + w] * turns[_16 * entry + w]
    return float(np.sqrt(total))


@compiled()
def exchange(turns: Real, swapped: bool, block: Block, e: Real) -> None:
    """``exp(-iH)`` of ``H = sum C_jk s_j s_k`` into ``float32[512]``, perhaps with the qubits in the other order.

    By ``H^2 = |C|^2 - 2 cof(C) . s s``; exact where one turn is gathered. ``e[336]`` is scratch.
    """
    first, second = (_16, _48) if swapped else (_48, _16)
    straight, slope, bend = e[288:304], e[304:320], e[320:336]
    for w in range(_16):
        size = _length(turns, w)
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


@compiled()
def _full(turns: Real, turn: Real, w: int) -> bool:
    size = _length(turns, w)
    return bool((size > 0.0) & (size + np.abs(turn[w]) / 4 > _MOST_TURN))


@compiled()
def take_full(turns: Real, turn: Real, block: Block, scratch: Real) -> bool:
    """Take out what lanes have gathered too much of to take more, as matrices; whether there are such."""
    found = False
    for w in range(_16):
        found |= _full(turns, turn, w)
    if found:
        taken = np.zeros(144)
        for w in range(16):
            if _full(turns, turn, w):
                taken[w::16], turns[w::16] = turns[w::16].copy(), 0.0
        exchange(taken, False, block, scratch)
    return found


@compiled()
def tabled(keep: Complex, size: int) -> Real:
    """Numbers of each window in a row, and below them those of the identity, of so many rows itself."""
    entries = 1
    for extent in keep.shape[1:]:
        entries *= extent
    table = np.zeros((len(keep) + 1, 2 * entries))
    table[:-1] = keep.reshape(len(keep), entries).view(np.float64)
    for place in range(size):
        table[-1, 2 * (size + 1) * place] = 1.0
    return table


@compiled()
def find(row: Rows, entry: Short, leaked: Index, qubits: int, last: int) -> None:
    """The row of each lane in such a table: the last where one of some qubits has leaked, and beyond the lanes that there are."""
    row[:] = np.uint64(last)
    for w in range(len(entry)):
        if not leaked[w] & qubits:
            row[w] = np.uint64(entry[w])


@compiled()
def wait(
    waiting: Real,
    since: Index,
    step: int,
    begin: int,
    plan: Steps,
    idling: Idling,
    idle: Real,
    one: Real,
    fate: Fate,
    row: Rows,
    scratch: Real,
) -> None:
    """Multiply what is pending on a qubit by a step on it alone; a leaked qubit takes no part until it relaxes.

    Args:
        waiting: ``float[128]``, what is pending.
        since: ``int[16]``, the step since which it is.
        step: What is played.
        begin: First column of the plan.
        plan: The steps.
        idling: Idle times.
        idle: Rows of ``lower, upper, kick``.
        one: Rows of windows, see `tabled`.
        fate: Of the lanes that there are.
        row: ``uint[16]``, scratch.
        scratch: ``float[176]``.
    """
    qubit, end = plan.steps[step, 1], begin + len(fate.draws)
    entry, angle, shift = plan.entry[step, begin:end], plan.angle[step, begin:end], plan.shift[step, begin:end]
    if plan.steps[step, 0] == IDLE:
        lower, upper, turn = scratch[:16], scratch[16:32], scratch[32:48]
        find(row, entry, fate.leaked, 1 << qubit, len(idle) - 1)
        for w in range(np.uint64(16)):
            lower[w], upper[w], turn[w] = idle[row[w], _0], idle[row[w], _1], 0.0
        for w in range(len(angle)):
            angle[w] += np.copysign(idle[row[w], _2], uniform(fate.draws, w) - 0.5)
            turn[w] = 0.0 if fate.leaked[w] >> qubit & 1 else angle[w]
        turn_phase(waiting, lower, upper, turn)
        for w in range(len(angle)):
            if fate.leaked[w] >> qubit & 1 and uniform(fate.draws, w) < idling.seeping[entry[w]]:
                fate.leaked[w] ^= 1 << qubit
                since[w] = step + 1
    else:
        matrix, delta = scratch[:128], scratch[128:144]
        find(row, entry, fate.leaked, 1 << qubit, len(one) - 1)
        delta[: len(shift)] = shift
        for w in range(np.uint64(16)):
            for number in range(_8):
                curve = one[row[w], _8 + number] + delta[w] * one[row[w], _16 + number]
                matrix[_16 * number + w] = one[row[w], number] + delta[w] * curve
        multiply(waiting, matrix)


@compiled()
def load(table: Real, row: Rows, block: Block) -> None:
    """A matrix of two qubits in each lane."""
    for w in range(np.uint64(16)):
        for number in range(_32):
            block[_16 * number + w] = table[row[w], number]
