"""Exact propagators of piecewise-constant pulses, run by run.

Inside compiled functions arrays are filled by loops: whole-array expressions cost numba most of its compile time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_SERIES = 1 / np.cumprod(np.array([1.0, *range(1, 12)]))
_TERMS = 20
_LANES = 32
"""Windows side by side: more would not stay in the second-level cache."""
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
def drive(
    samples: NDArray[np.complex128],
    repeats: NDArray[np.int64],
    dt: float,
    detuning: NDArray[np.float64],
    anharmonicity: NDArray[np.float64],
    lossy: bool,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]:
    """Transmons of three levels under drives, in the rotating frame of the carrier at phase zero.

    Windows go side by side, and no number of one depends on who goes with it. Matrices are ``float[2, 9, lanes]``: real and
    imaginary parts, row by row.

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
    lanes = min(_LANES, count)
    u, middle, half, k = np.empty((2, 9, lanes)), np.empty((2, 9, lanes)), np.empty((2, 9, lanes)), np.empty((2, 9, lanes))
    turned, j = np.empty((2, 2, 9, lanes)), np.empty((2, 2, 9, 9, lanes))
    energies, coupling, room = np.empty((2, lanes)), np.empty((2, lanes)), np.empty((12, lanes))
    squarings = np.empty(lanes, np.int64)
    for first in range(0, count, lanes):
        u[:] = k[:] = j[:] = 0.0
        u[0, ::4] = 1.0
        for run in range(samples.shape[1]):
            # The middle of each step carries its share of K and J (midpoint rule).
            steps = min(repeats[run], _MAX_STEPS)
            tau = repeats[run] * dt / steps
            share = 0.5 * tau
            for lane in range(lanes):
                # a block that is not full has its last window several times
                index = min(first + lane, count - 1)
                energies[0, lane] = share * detuning[index]
                energies[1, lane] = share * (2 * detuning[index] + anharmonicity[index])
                coupling[0, lane], coupling[1, lane] = share * samples[index, run].real, share * samples[index, run].imag
            _turn(energies, coupling, squarings, room, middle, half)
            for _ in range(steps):
                _multiply(half, u, middle)
                _view(middle, turned)
                _add(turned[1], tau, k)
                if lossy:
                    _gather(turned, tau, j)
                _multiply(half, middle, u)
        for lane in range(min(lanes, count - first)):
            for i in range(9):
                unitary[first + lane, i // 3, i % 3] = complex(u[0, i, lane], u[1, i, lane])
                sensitivity[first + lane, i // 3, i % 3] = complex(k[0, i, lane], k[1, i, lane])
                for which in range(2):
                    for other in range(i + 1):
                        value = complex(j[which, 0, i, other, lane], j[which, 1, i, other, lane])
                        jumps[first + lane, which, i, other], jumps[first + lane, which, other, i] = value, np.conj(value)
    return unitary, sensitivity, jumps


@compiled()
def _turn(
    energies: NDArray[np.float64],
    coupling: NDArray[np.float64],
    squarings: NDArray[np.int64],
    room: NDArray[np.float64],
    spare: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """``exp(-i g)`` into ``out``, of ladders of three: energies 0 and two more, couplings 1 and root 2 times one.

    By Cayley and Hamilton, powers of a matrix of three are sums of 1, g and g^2, whose weights in the series are numbers.
    """
    lanes, root, most = energies.shape[1], np.sqrt(2.0), 0
    squared, plain, one, trace, minors, determinant = room[0], room[1], room[2], room[3], room[4], room[5]
    for lane in range(lanes):
        norm = max(abs(energies[0, lane]), abs(energies[1, lane])) + 2.5 * np.hypot(coupling[0, lane], coupling[1, lane])
        squarings[lane] = 0
        while norm > 1.0:
            norm *= 0.5
            squarings[lane] += 1
        most = max(most, squarings[lane])
        share = 0.5 ** squarings[lane]
        energies[0, lane] *= share
        energies[1, lane] *= share
        coupling[0, lane] *= share
        coupling[1, lane] *= share
    for lane in range(lanes):
        first, second = energies[0, lane], energies[1, lane]
        size = coupling[0, lane] ** 2 + coupling[1, lane] ** 2
        trace[lane], minors[lane], determinant[lane] = first + second, first * second - 3 * size, -size * second
        # g^n = squared g^2 + plain g + one
        squared[lane], plain[lane], one[lane] = 0.0, 0.0, 1.0
        for row in range(6, 12):
            room[row, lane] = 0.0
        room[8, lane] = 1.0
    weight = 1.0
    for order in range(1, _TERMS):
        # of powers of -i: real ones from row 6 on, imaginary ones from 9
        weight *= (-1.0 if order % 2 else 1.0) / order
        two, single, none = (room[9], room[10], room[11]) if order % 2 else (room[6], room[7], room[8])
        for lane in range(lanes):
            before = squared[lane]
            squared[lane] = trace[lane] * before + plain[lane]
            plain[lane] = one[lane] - minors[lane] * before
            one[lane] = determinant[lane] * before
            two[lane] += weight * squared[lane]
            single[lane] += weight * plain[lane]
            none[lane] += weight * one[lane]
    for lane in range(lanes):
        first, second, up = energies[0, lane], energies[1, lane], complex(coupling[0, lane], coupling[1, lane])
        down, size = np.conj(up), coupling[0, lane] ** 2 + coupling[1, lane] ** 2
        square, linear, constant = (
            complex(room[6, lane], room[9, lane]),
            complex(room[7, lane], room[10, lane]),
            complex(room[8, lane], room[11, lane]),
        )
        one_up, two_up = linear + square * first, root * (linear + square * (first + second))
        _put(out, 0, lane, constant + square * size)
        _put(out, 4, lane, constant + linear * first + square * (first * first + 3 * size))
        _put(out, 8, lane, constant + linear * second + square * (second * second + 2 * size))
        _put(out, 3, lane, one_up * up)
        _put(out, 1, lane, one_up * down)
        _put(out, 7, lane, two_up * up)
        _put(out, 5, lane, two_up * down)
        _put(out, 6, lane, square * root * up * up)
        _put(out, 2, lane, square * root * down * down)
    for turn in range(most):
        _multiply(out, out, spare)
        for lane in range(lanes):
            if squarings[lane] > turn:
                for i in range(9):
                    out[0, i, lane], out[1, i, lane] = spare[0, i, lane], spare[1, i, lane]


@compiled()
def _put(out: NDArray[np.float64], place: int, lane: int, value: complex) -> None:
    out[0, place, lane], out[1, place, lane] = value.real, value.imag


@compiled()
def _multiply(left: NDArray[np.float64], right: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Products into ``out``, which must be neither of the factors."""
    for i in range(3):
        for j in range(3):
            for lane in range(out.shape[2]):
                real = imag = 0.0
                for k in range(3):
                    a, b = left[0, 3 * i + k, lane], left[1, 3 * i + k, lane]
                    c, d = right[0, 3 * k + j, lane], right[1, 3 * k + j, lane]
                    real += a * c - b * d
                    imag += a * d + b * c
                out[0, 3 * i + j, lane], out[1, 3 * i + j, lane] = real, imag


@compiled()
def _view(u: NDArray[np.float64], turned: NDArray[np.float64]) -> None:
    """``U+ L U`` into ``float[2, 2, 9, lanes]``, for L lowering and counting."""
    root = np.sqrt(2.0)
    for i in range(3):
        for j in range(3):
            for lane in range(u.shape[2]):
                none = complex(u[0, i, lane], -u[1, i, lane])
                one, one_here = complex(u[0, 3 + i, lane], -u[1, 3 + i, lane]), complex(u[0, 3 + j, lane], u[1, 3 + j, lane])
                two, two_here = complex(u[0, 6 + i, lane], -u[1, 6 + i, lane]), complex(u[0, 6 + j, lane], u[1, 6 + j, lane])
                _put(turned[0], 3 * i + j, lane, none * one_here + root * one * two_here)
                _put(turned[1], 3 * i + j, lane, one * one_here + 2 * two * two_here)


@compiled()
def _add(what: NDArray[np.float64], weight: float, out: NDArray[np.float64]) -> None:
    for part in range(2):
        for i in range(9):
            for lane in range(out.shape[2]):
                out[part, i, lane] += weight * what[part, i, lane]


@compiled()
def _gather(turned: NDArray[np.float64], weight: float, out: NDArray[np.float64]) -> None:
    """Add ``v v+`` for both operators; of what is Hermitian one triangle."""
    for which in range(2):
        for i in range(9):
            for j in range(i + 1):
                for lane in range(out.shape[4]):
                    a, b = turned[which, 0, i, lane], turned[which, 1, i, lane]
                    c, d = turned[which, 0, j, lane], turned[which, 1, j, lane]
                    out[which, 0, i, j, lane] += weight * (a * c + b * d)
                    out[which, 1, i, j, lane] += weight * (b * c - a * d)


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
