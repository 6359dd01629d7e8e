"""What is due on the qubits of a trajectory but not yet played on its state: 2 x 2 matrices, and ZZ turns seen through them.

Gates on single qubits cost a pass over the whole state each if played at once; gathered until the next window on two qubits they
cost nothing. The ZZ of idle neighbours is gathered in the frame of what is pending (first order of the Magnus series; what a pair
has gathered beyond a tenth of a radian is played before more comes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]


@compiled()
def turn_phase(matrix: Complex, lane: int, lower: float, upper: float, angle: float) -> None:
    """Multiply ``complex[4, lanes]`` by ``diag(lower, upper exp(-i angle))``."""
    factor = upper * (np.cos(angle) - 1j * np.sin(angle))
    matrix[0, lane] *= lower
    matrix[1, lane] *= lower
    matrix[2, lane] *= factor
    matrix[3, lane] *= factor


@compiled()
def multiply(matrix: Complex, lane: int, keep: Complex, delta: float) -> None:
    """Multiply by a window ``keep[3, 2, 2]`` at a detuning in Hz."""
    a = keep[0, 0, 0] + delta * (keep[1, 0, 0] + delta * keep[2, 0, 0])
    b = keep[0, 0, 1] + delta * (keep[1, 0, 1] + delta * keep[2, 0, 1])
    c = keep[0, 1, 0] + delta * (keep[1, 1, 0] + delta * keep[2, 1, 0])
    d = keep[0, 1, 1] + delta * (keep[1, 1, 1] + delta * keep[2, 1, 1])
    p, q, r, s = matrix[0, lane], matrix[1, lane], matrix[2, lane], matrix[3, lane]
    matrix[0, lane], matrix[1, lane] = a * p + b * r, a * q + b * s
    matrix[2, lane], matrix[3, lane] = c * p + d * r, c * q + d * s


@compiled()
def _axis(matrix: Complex, lane: int) -> tuple[float, float, float]:
    """Unit vector of ``P+ Z P``."""
    p, q, r, s = matrix[0, lane], matrix[1, lane], matrix[2, lane], matrix[3, lane]
    x = p.real * q.real + p.imag * q.imag - r.real * s.real - r.imag * s.imag
    y = -p.real * q.imag + p.imag * q.real + r.real * s.imag - r.imag * s.real
    z = p.real * p.real + p.imag * p.imag - r.real * r.real - r.imag * r.imag
    z = (z - q.real * q.real - q.imag * q.imag + s.real * s.real + s.imag * s.imag) / 2
    scale = 1 / np.sqrt(max(x * x + y * y + z * z, 1e-300))
    return x * scale, y * scale, z * scale


@compiled()
def gather(turns: Real, lane: int, first: Complex, second: Complex, turn: float) -> None:
    """Add ``turn / 4 Z Z`` to the pair's ``float[9, lanes]``, seen through what is pending on both qubits."""
    x, y, z = _axis(second, lane)
    angle = turn / 4
    angle -= np.pi * np.rint(angle / np.pi)
    for j, along in enumerate(_axis(first, lane)):
        turns[3 * j, lane] += angle * along * x
        turns[3 * j + 1, lane] += angle * along * y
        turns[3 * j + 2, lane] += angle * along * z


@compiled()
def length(turns: Real, lane: int) -> float:
    """Norm of what a pair has gathered, rad."""
    total = 0.0
    for number in range(9):
        total += turns[number, lane] ** 2
    return float(np.sqrt(total))


@compiled()
def exchange(turns: Real, lane: int, out: Complex, e: Complex) -> None:
    """``exp(-i H)`` of ``H = sum C_jk s_j s_k`` into ``out[4, 4]``, with ``e[3, 3]`` as scratch.

    By ``H^2 = |C|^2 - 2 cof(C) . s s``; exact where one turn is gathered.
    """
    size = length(turns, lane)
    out[:] = 0.0
    straight = np.cos(size)
    slope = np.sin(size) / size if size > 1e-12 else 1.0
    bend = 2 * (1 - np.cos(size)) / size**2 if size > 1e-4 else 1.0
    for j in range(3):
        for k in range(3):
            u, v, x, y = (j + 1) % 3, (j + 2) % 3, (k + 1) % 3, (k + 2) % 3
            minor = turns[3 * u + x, lane] * turns[3 * v + y, lane] - turns[3 * u + y, lane] * turns[3 * v + x, lane]
            e[j, k] = -1j * slope * turns[3 * j + k, lane] + bend * minor
    for i in range(2):
        for m in range(2):
            row = 2 * i + m
            s, t = 1.0 - 2.0 * i, 1.0 - 2.0 * m
            # s_x puts 1 beside the diagonal, s_y puts -i above it and i below it
            out[row, row] = straight + s * t * e[2, 2]
            out[row, row ^ 1] = s * (e[2, 0] - 1j * t * e[2, 1])
            out[row, row ^ 2] = t * (e[0, 2] - 1j * s * e[1, 2])
            out[row, row ^ 3] = e[0, 0] - 1j * t * e[0, 1] - 1j * s * e[1, 0] - s * t * e[1, 1]
