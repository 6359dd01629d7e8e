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
    """``exp(matrix)`` into ``out``: Taylor series of a scaled matrix, then squarings; 1e-12 for skew-Hermitian input.

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
    while norm > 0.4:
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
    static: NDArray[np.float64],
    coupler: NDArray[np.float64],
    sizes: NDArray[np.int64],
    frequency: NDArray[np.float64],
    repeats: NDArray[np.int64],
    dt: float,
    marks: NDArray[np.int64],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Two transmons and a coupler whose frequency follows a flux pulse, block by block of equal excitation number.

    Args:
        static: ``float[blocks, size, size]``, Hamiltonian at coupler frequency zero, rad/s.
        coupler: ``float[blocks, size]``, excitations of the coupler in each basis state.
        sizes: ``int[blocks]``, states in each block.
        frequency: ``float[n, runs]``, coupler frequency in rad/s.
        repeats: ``int[runs]``.
        dt: Tick in s.
        marks: ``int[q]``, ascending: after how many runs to note the propagator so far.

    Returns:
        ``U[n, blocks, size, size]`` and ``U[n, q, blocks, size, size]`` at the marks.
    """
    count, blocks, size = frequency.shape[0], static.shape[0], static.shape[1]
    unitary = np.zeros((count, blocks, size, size), np.complex128)
    noted = np.zeros((count, len(marks), blocks, size, size), np.complex128)
    for block in range(blocks):
        dim = sizes[block]
        h, step = np.zeros((dim, dim), np.complex128), np.zeros((dim, dim), np.complex128)
        room = np.zeros((4, dim, dim), np.complex128)
        for index in range(count):
            u = unitary[index, block, :dim, :dim]
            for i in range(dim):
                u[i, i] = 1.0
            mark = 0
            for run in range(len(repeats)):
                turn = -1j * dt * repeats[run]
                for i in range(dim):
                    for j in range(dim):
                        h[i, j] = turn * static[block, i, j]
                    h[i, i] += turn * coupler[block, i] * frequency[index, run]
                exponentiate(h, room, step)
                multiply_into(step, u, room[0])
                for i in range(dim):
                    for j in range(dim):
                        u[i, j] = room[0, i, j]
                while mark < len(marks) and marks[mark] == run + 1:
                    for i in range(dim):
                        for j in range(dim):
                            noted[index, mark, block, i, j] = u[i, j]
                    mark += 1
    return unitary, noted


@compiled()
def walk(
    values: NDArray[np.complex128],
    places: NDArray[np.int64],
    ticks: NDArray[np.int64],
    marks: NDArray[np.int64],
    series: NDArray[np.complex128],
    begin: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """States under a sparse Hamiltonian, tick by tick, by Chebyshev polynomials.

    Args:
        values: ``complex[runs, entries]``, of the Hamiltonian scaled to a spectrum within -1 and 1.
        places: ``int[2, entries]``, rows and columns.
        ticks: Run of each tick.
        marks: After how many ticks to note the states; ascending.
        series: Weight of each polynomial in what a tick does.
        begin: ``complex[size, states]``.

    Returns:
        ``complex[marks, size, states]``.
    """
    size, states = begin.shape
    noted = np.zeros((len(marks), size, states), np.complex128)
    now, total = np.zeros((size, 2, states)), np.zeros((size, 2, states))
    old, new = np.zeros((size, 2, states)), np.zeros((size, 2, states))
    now[:, 0], now[:, 1] = begin.real, begin.imag
    for tick in range(len(ticks) + 1):
        for mark in range(len(marks)):
            if marks[mark] == tick:
                noted[mark] = now[:, 0] + 1j * now[:, 1]
        if tick == len(ticks):
            break
        h = values[ticks[tick]]
        old[:] = 0.0
        total[:] = 0.0
        _add(series[0], now, total)
        for order in range(1, len(series)):
            # T_1 = x T_0, then T_k+1 = 2 x T_k - T_k-1
            twice = 1.0 if order == 1 else 2.0
            for i in range(size):
                for part in range(2):
                    for j in range(states):
                        new[i, part, j] = -old[i, part, j]
            for entry in range(len(h)):
                i, k = places[0, entry], places[1, entry]
                x, y = twice * h[entry].real, twice * h[entry].imag
                for part in range(2):
                    for j in range(states):
                        new[i, part, j] += x * now[k, part, j]
                if y != 0.0:
                    for j in range(states):
                        new[i, 0, j] -= y * now[k, 1, j]
                        new[i, 1, j] += y * now[k, 0, j]
            _add(series[order], new, total)
            old, now, new = now, new, old
        now, total = total, now
    return noted


@compiled()
def _add(weight: complex, states: NDArray[np.float64], total: NDArray[np.float64]) -> None:
    x, y = weight.real, weight.imag
    for i in range(states.shape[0]):
        for j in range(states.shape[2]):
            total[i, 0, j] += x * states[i, 0, j] - y * states[i, 1, j]
            total[i, 1, j] += x * states[i, 1, j] + y * states[i, 0, j]
