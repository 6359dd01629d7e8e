"""Exact propagator of two driven transmons with a constant exchange coupling, run by run.

The Hamiltonian has at most seven entries in a row, so its Taylor series is applied to the columns that are wanted. Real and
imaginary parts are kept apart: every inner loop runs over contiguous columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_SMALL = 1e-15
_FEW = 4
"""Longer runs are powers of one step."""

Real = NDArray[np.float64]
Count = NDArray[np.int64]


@compiled()
def exchange(
    diagonal: Real,
    links: Count,
    weights: Real,
    tones: NDArray[np.complex128],
    repeats: Count,
    dt: float,
    start: Real,
    dressed: Real,
    piece: int,
    marks: Count,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Propagate some columns through pulses on both transmons.

    Args:
        diagonal: ``float[n, size]``, rad/s, in the rotating frame.
        links: ``int[links, 3]``: lower state, upper state, and what joins them: 0 the exchange, 1 or 2 the drive of a transmon.
        weights: ``float[links]``: rad/s for an exchange, matrix element of the creation operator for a drive.
        tones: ``complex[n, 2, runs]``, half the Rabi rates in rad/s.
        repeats: ``int[runs]``, ticks of each run.
        dt: Tick in s.
        start: ``float[size, columns]``, the columns.
        dressed: ``float[size, size]``, orthogonal: results are given between its columns.
        piece: Long runs are cut into pieces of this many ticks.
        marks: ``int[q]``, ascending: after how many pieces to note the columns.

    Returns:
        ``complex[n, size, columns]`` at the end and ``complex[n, q, size, columns]`` at the marks.
    """
    count, size, columns = diagonal.shape[0], diagonal.shape[1], start.shape[1]
    final = np.zeros((count, size, columns), np.complex128)
    noted = np.zeros((count, len(marks), size, columns), np.complex128)
    coupling = np.zeros(len(links), np.complex128)
    now = np.zeros((2, size, columns))
    step = np.zeros((2, size, size))
    for index in range(count):
        for i in range(size):
            for j in range(columns):
                now[0, i, j], now[1, i, j] = start[i, j], 0.0
        done, mark = 0, 0
        for run in range(len(repeats)):
            for link in range(len(links)):
                kind = links[link, 2]
                coupling[link] = weights[link] * (1.0 if kind == 0 else tones[index, kind - 1, run])
            left = repeats[run]
            held = 0
            while left > 0:
                ticks = min(piece, left)
                if repeats[run] <= _FEW:
                    now = _series(diagonal[index], links, coupling, ticks * dt, now)
                else:
                    if ticks != held:
                        step = _power(_series(diagonal[index], links, coupling, dt, _one(size)), ticks)
                        held = ticks
                    now = _multiply(step, now)
                left -= ticks
                done += 1
                while mark < len(marks) and marks[mark] == done:
                    _note(dressed, now, noted[index, mark])
                    mark += 1
        _note(dressed, now, final[index])
    return final, noted


@compiled()
def _note(dressed: Real, columns: Real, out: NDArray[np.complex128]) -> None:
    """``dressed^T columns``; a product by BLAS would wake its threads."""
    for k in range(dressed.shape[0]):
        for i in range(dressed.shape[1]):
            weight = dressed[k, i]
            if weight != 0.0:
                for j in range(columns.shape[2]):
                    out[i, j] += weight * complex(columns[0, k, j], columns[1, k, j])


@compiled()
def _one(size: int) -> Real:
    out = np.zeros((2, size, size))
    for i in range(size):
        out[0, i, i] = 1.0
    return out


@compiled()
def _series(diagonal: Real, links: Count, coupling: NDArray[np.complex128], dt: float, columns: Real) -> Real:
    """``exp(-i H dt)`` on columns: the Taylor series about the middle of the diagonal."""
    size, width = columns.shape[1], columns.shape[2]
    low, high = diagonal[0], diagonal[0]
    for i in range(size):
        low, high = min(low, diagonal[i]), max(high, diagonal[i])
    middle = (low + high) / 2
    rows = np.zeros(size)
    for i in range(size):
        rows[i] = abs(diagonal[i] - middle)
    for link in range(len(links)):
        strength = abs(coupling[link])
        rows[links[link, 0]] += strength
        rows[links[link, 1]] += strength
    reach = rows.max()
    # real and imaginary parts in one row, so that -i times a state is another row
    term, turned, following = np.empty((3, size, 2 * width))
    for i in range(size):
        for j in range(width):
            term[i, j], term[i, width + j] = columns[0, i, j], columns[1, i, j]
    total = term.copy()
    bound, order = 1.0, 0
    while bound > _SMALL:
        order += 1
        scale = dt / order
        bound *= reach * scale
        for i in range(size):
            factor = (diagonal[i] - middle) * scale
            for j in range(width):
                turned[i, j], turned[i, width + j] = term[i, width + j], -term[i, j]
            for j in range(2 * width):
                following[i, j] = factor * turned[i, j]
        for link in range(len(links)):
            low_state, high_state = links[link, 0], links[link, 1]
            x, y = coupling[link].real * scale, coupling[link].imag * scale
            if x != 0.0:
                for j in range(2 * width):
                    following[high_state, j] += x * turned[low_state, j]
                    following[low_state, j] += x * turned[high_state, j]
            if y != 0.0:
                for j in range(2 * width):
                    following[high_state, j] += y * term[low_state, j]
                    following[low_state, j] -= y * term[high_state, j]
        term, following = following, term
        for i in range(size):
            for j in range(2 * width):
                total[i, j] += term[i, j]
    cosine, sine = np.cos(middle * dt), np.sin(middle * dt)
    out = np.empty_like(columns)
    for i in range(size):
        for j in range(width):
            x, y = total[i, j], total[i, width + j]
            out[0, i, j] = cosine * x + sine * y
            out[1, i, j] = cosine * y - sine * x
    return out


@compiled()
def _power(step: Real, times: int) -> Real:
    out = _one(step.shape[1])
    while times > 0:
        if times % 2:
            out = _multiply(step, out)
        step = _multiply(step, step)
        times //= 2
    return out


@compiled()
def _multiply(left: Real, right: Real) -> Real:
    size, inner, width = left.shape[1], left.shape[2], right.shape[2]
    out = np.zeros((2, size, width))
    for i in range(size):
        for k in range(inner):
            x, y = left[0, i, k], left[1, i, k]
            for j in range(width):
                out[0, i, j] += x * right[0, k, j] - y * right[1, k, j]
                out[1, i, j] += x * right[1, k, j] + y * right[0, k, j]
    return out
