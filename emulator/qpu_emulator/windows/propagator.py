"""Exact propagators of piecewise-constant pulses, run by run.

Inside compiled functions arrays are filled by loops: whole-array expressions cost numba most of its compile time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_SERIES = 1 / np.cumprod(np.array([1.0, *range(1, 12)]))
_TERMS = 20
_MAX_STEPS = 4096


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
def turn(first: float, second: float, coupling: complex, spare: NDArray[np.complex128], out: NDArray[np.complex128]) -> None:
    """``exp(-i g)`` into ``out``, of a ladder of three: energies 0, ``first`` and ``second``, couplings 1 and root 2 times one.

    By Cayley and Hamilton, powers of a matrix of three are sums of 1, g and g^2, whose weights in the series are numbers.
    """
    squarings, norm = 0, max(abs(first), abs(second)) + 2.5 * abs(coupling)
    while norm > 1.0:
        norm *= 0.5
        squarings += 1
    share = 0.5**squarings
    first, second, up = first * share, second * share, coupling * share
    size, root, down = up.real**2 + up.imag**2, np.sqrt(2.0), np.conj(up)
    trace, minors, determinant = first + second, first * second - 3 * size, -size * second
    # g^n = squared g^2 + plain g + one
    squared, plain, one = 0.0, 0.0, 1.0
    weight = 1.0 + 0.0j
    two, single, none = 0.0j, 0.0j, weight
    for order in range(1, _TERMS):
        weight *= -1j / order
        squared, plain, one = trace * squared + plain, one - minors * squared, determinant * squared
        two += weight * squared
        single += weight * plain
        none += weight * one
    out[0, 0] = none + two * size
    out[1, 1] = none + single * first + two * (first * first + 3 * size)
    out[2, 2] = none + single * second + two * (second * second + 2 * size)
    one_up, two_up = single + two * first, root * (single + two * trace)
    out[1, 0], out[0, 1] = one_up * up, one_up * down
    out[2, 1], out[1, 2] = two_up * up, two_up * down
    out[2, 0], out[0, 2] = two * root * up * up, two * root * down * down
    for _ in range(squarings):
        multiply_into(out, out, spare)
        for row in range(3):
            for column in range(3):
                out[row, column] = spare[row, column]


@compiled()
def drive(
    samples: NDArray[np.complex128],
    repeats: NDArray[np.int64],
    dt: float,
    detuning: NDArray[np.float64],
    anharmonicity: NDArray[np.float64],
    lossy: bool,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
    """A transmon of three levels under drives, in the rotating frame of the carrier at phase zero.

    Args:
        samples: ``complex[n, runs]``, half the Rabi rate in rad/s.
        repeats: ``int[runs]``, ticks of each run.
        dt: Tick in s.
        detuning: ``float[n]``, qubit minus carrier in rad/s.
        anharmonicity: ``float[n]``, rad/s.
        lossy: Whether the last of what is returned is wanted; else it is zero.

    Returns:
        ``U[n, 3, 3]``, the sensitivity to a detuning ``K[n, 3, 3] = int U+ n U dt``, and what relaxation needs
        (`single.solve_drives`): ``J[n, 2, 9, 9] = int v v+ dt`` of ``v = U+ L U`` row by row, for ``L`` lowering and counting.
    """
    count = samples.shape[0]
    unitary = np.zeros((count, 3, 3), np.complex128)
    sensitivity = np.zeros((count, 3, 3), np.complex128)
    jumps = np.zeros((count, 2, 9, 9), np.complex128)
    half, spare = np.zeros((3, 3), np.complex128), np.zeros((3, 3), np.complex128)
    u, middle = np.zeros((3, 3), np.complex128), np.zeros((3, 3), np.complex128)
    turned = np.zeros((2, 9), np.complex128)
    root = np.sqrt(2.0)
    for index in range(count):
        for i in range(3):
            for j in range(3):
                u[i, j] = 1.0 if i == j else 0.0
        k = sensitivity[index]
        for run in range(samples.shape[1]):
            # The middle of each step carries its share of K and J (midpoint rule).
            steps = min(repeats[run], _MAX_STEPS)
            tau = repeats[run] * dt / steps
            share = 0.5 * tau
            first, second = share * detuning[index], share * (2 * detuning[index] + anharmonicity[index])
            turn(first, second, share * samples[index, run], spare, half)
            for _ in range(steps):
                multiply_into(half, u, middle)
                for i in range(3):
                    for j in range(3):
                        low = np.conj(middle[1, i]) * middle[1, j]
                        turned[0, 3 * i + j] = np.conj(middle[0, i]) * middle[1, j] + root * np.conj(middle[1, i]) * middle[2, j]
                        turned[1, 3 * i + j] = low + 2 * np.conj(middle[2, i]) * middle[2, j]
                        k[i, j] += tau * turned[1, 3 * i + j]
                if lossy:
                    for which in range(2):
                        for i in range(9):
                            factor = tau * turned[which, i]
                            for j in range(i + 1):
                                jumps[index, which, i, j] += factor * np.conj(turned[which, j])
                multiply_into(half, middle, u)
        for which in range(2):
            for i in range(9):
                for j in range(i):
                    jumps[index, which, j, i] = np.conj(jumps[index, which, i, j])
        for i in range(3):
            for j in range(3):
                unitary[index, i, j] = u[i, j]
    return unitary, sensitivity, jumps


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
    now, total = begin.copy(), np.zeros((size, states), np.complex128)
    old, new = np.zeros((size, states), np.complex128), np.zeros((size, states), np.complex128)
    for tick in range(len(ticks) + 1):
        for mark in range(len(marks)):
            if marks[mark] == tick:
                noted[mark] = now
        if tick == len(ticks):
            break
        h = values[ticks[tick]]
        for i in range(size):
            for j in range(states):
                old[i, j] = 0.0
                total[i, j] = series[0] * now[i, j]
        for order in range(1, len(series)):
            # T_1 = x T_0, then T_k+1 = 2 x T_k - T_k-1
            twice = 1.0 if order == 1 else 2.0
            for i in range(size):
                for j in range(states):
                    new[i, j] = -old[i, j]
            for entry in range(len(h)):
                i, k, value = places[0, entry], places[1, entry], twice * h[entry]
                for j in range(states):
                    new[i, j] += value * now[k, j]
            for i in range(size):
                for j in range(states):
                    total[i, j] += series[order] * new[i, j]
            old, now, new = now, new, old
        now, total = total, now
    return noted
