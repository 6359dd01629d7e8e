"""Exact propagators of piecewise-constant pulses, run by run.

Inside compiled functions arrays are filled by loops: whole-array expressions cost numba most of its compile time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_SERIES = 1 / np.cumprod(np.array([1.0, *range(1, 12)]))


@compiled()
def exponentiate(matrix: NDArray[np.complex128], room: NDArray[np.complex128], out: NDArray[np.complex128]) -> None:
    """``exp(matrix)`` into ``out``: Taylor series of a scaled matrix, then squarings; 1e-14 for skew-Hermitian input.

    ``room`` is ``complex[4, size, size]`` to work in: small arrays cost more to make than to fill.
    """
    scaled, square, cube, spare = room[0], room[1], room[2], room[3]
    size = matrix.shape[0]
    norm = 0.0
    for row in range(size):
        total = 0.0
        for column in range(size):
            total += abs(matrix[row, column].real) + abs(matrix[row, column].imag)
        norm = max(norm, total)
    squarings = 0
    while norm > 0.25:
        norm *= 0.5
        squarings += 1
    for row in range(size):
        for column in range(size):
            scaled[row, column] = matrix[row, column] * 0.5**squarings
            out[row, column] = 0.0
    multiply_into(scaled, scaled, square)
    multiply_into(square, scaled, cube)
    # three terms at a time (Paterson and Stockmeyer): five products instead of ten
    for first in range(len(_SERIES) - 3, -1, -3):
        multiply_into(cube, out, spare)
        for row in range(size):
            for column in range(size):
                terms = _SERIES[first + 1] * scaled[row, column] + _SERIES[first + 2] * square[row, column]
                out[row, column] = spare[row, column] + terms
            out[row, row] += _SERIES[first]
    for _ in range(squarings):
        multiply_into(out, out, spare)
        for row in range(size):
            for column in range(size):
                out[row, column] = spare[row, column]


@compiled()
def multiply_into(left: NDArray[np.complex128], right: NDArray[np.complex128], out: NDArray[np.complex128]) -> None:
    """Product of small matrices (a BLAS call would cost more) into ``out``, which must be neither of the factors."""
    if left.shape[0] == 3 and left.shape[1] == 3 and right.shape[1] == 3:
        # a size that the compiler knows: loops are unrolled
        for i in range(3):
            for j in range(3):
                out[i, j] = left[i, 0] * right[0, j] + left[i, 1] * right[1, j] + left[i, 2] * right[2, j]
        return
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            out[i, j] = 0.0
        for k in range(left.shape[1]):
            factor = left[i, k]
            for j in range(right.shape[1]):
                out[i, j] += factor * right[k, j]


@compiled()
def flux(
    table: NDArray[np.float64],
    places: NDArray[np.float64],
    repeats: NDArray[np.int64],
    marks: NDArray[np.int64],
    sizes: NDArray[np.int64],
    idle: NDArray[np.int64],
    kept: int,
) -> NDArray[np.complex128]:
    """Two transmons and a coupler whose frequency follows a flux pulse, block by block of equal excitation number.

    Args:
        table: Ticks, as of `ticks.Ticks.around`; there may be more blocks than are wanted.
        places: ``float[n, runs]``, where in it.
        repeats: ``int[runs]``.
        marks: ``int[q]``, ascending: after how many runs to note the propagator so far.
        sizes: ``int[blocks]``, states in each block.
        idle: ``int[blocks, size]``, number of each state among those of an idle coupler, -1 of the others.
        kept: How many these are.

    Returns:
        ``U[n, q, kept, kept]`` at the marks, between the states of an idle coupler.
    """
    whole, entries = table.shape[2] // 2, (sizes**2).sum()
    noted = np.zeros((len(places), len(marks), kept, kept), np.complex128)
    step, power = np.empty((2, entries)), np.empty((2, entries))
    # of each block, states by columns: those that begin with an idle coupler
    states, before = np.empty((2, len(sizes), idle.shape[1], idle.shape[1])), np.empty((2, idle.shape[1], idle.shape[1]))
    begin = np.zeros((len(sizes), idle.shape[1]), np.int64)
    columns = np.zeros(len(sizes), np.int64)
    for block in range(len(sizes)):
        for i in range(sizes[block]):
            if idle[block, i] >= 0:
                begin[block, columns[block]] = i
                columns[block] += 1
    for index in range(len(places)):
        states[:] = 0.0
        for block in range(len(sizes)):
            for column in range(columns[block]):
                states[0, block, begin[block, column], column] = 1.0
        mark = 0
        for run in range(len(repeats)):
            tick(table, places[index, run], whole, step)
            left = repeats[run]
            while left:
                if left % 2:
                    _turn(step, sizes, columns, states, before)
                left //= 2
                if left:
                    square(step, sizes, power)
                    step, power = power, step
            while mark < len(marks) and marks[mark] == run + 1:
                for block in range(len(sizes)):
                    for j in range(columns[block]):
                        column = idle[block, begin[block, j]]
                        for i in range(columns[block]):
                            real, imag = states[0, block, begin[block, i], j], states[1, block, begin[block, i], j]
                            noted[index, mark, idle[block, begin[block, i]], column] = complex(real, imag)
                mark += 1
    return noted


@compiled()
def tick(table: NDArray[np.float64], place: float, whole: int, out: NDArray[np.float64]) -> None:
    """A tick from its interpolant, ``float[2, entries]``: real and imaginary parts of all blocks row by row."""
    panel = min(int(place), len(table) - 1)
    x = 2 * (place - panel) - 1
    for part in range(2):
        first = part * whole
        for entry in range(out.shape[1]):
            out[part, entry] = table[panel, 0, first + entry] + x * table[panel, 1, first + entry]
    old, now = 1.0, x
    for order in range(2, table.shape[1]):
        # T_k+1 = 2 x T_k - T_k-1
        old, now = now, 2 * x * now - old
        for part in range(2):
            first = part * whole
            for entry in range(out.shape[1]):
                out[part, entry] += now * table[panel, order, first + entry]


@compiled()
def _turn(
    step: NDArray[np.float64],
    sizes: NDArray[np.int64],
    columns: NDArray[np.int64],
    states: NDArray[np.float64],
    before: NDArray[np.float64],
) -> None:
    """One step of all blocks."""
    first = 0
    for block in range(len(sizes)):
        dim = sizes[block]
        for i in range(dim):
            for j in range(columns[block]):
                before[0, i, j], before[1, i, j] = states[0, block, i, j], states[1, block, i, j]
        for i in range(dim):
            for j in range(columns[block]):
                real = imag = 0.0
                for k in range(dim):
                    a, b = step[0, first + i * dim + k], step[1, first + i * dim + k]
                    c, d = before[0, k, j], before[1, k, j]
                    real += a * c - b * d
                    imag += a * d + b * c
                states[0, block, i, j], states[1, block, i, j] = real, imag
        first += dim * dim


@compiled()
def square(step: NDArray[np.float64], sizes: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """A step of all blocks twice."""
    first = 0
    for block in range(len(sizes)):
        dim = sizes[block]
        for i in range(dim):
            for j in range(dim):
                real = imag = 0.0
                for k in range(dim):
                    a, b = step[0, first + i * dim + k], step[1, first + i * dim + k]
                    c, d = step[0, first + k * dim + j], step[1, first + k * dim + j]
                    real += a * c - b * d
                    imag += a * d + b * c
                out[0, first + i * dim + j], out[1, first + i * dim + j] = real, imag
        first += dim * dim
