"""Transmons of three levels under drives: exact propagators of piecewise-constant pulses, many windows side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

_TERMS = 20
"""Of the series; the scaled Hamiltonian is at most 1."""
_LANES = 32
"""Windows side by side: more would not stay in the second-level cache."""
_MAX_STEPS = 4096
"""Of a run of equal samples; a longer one takes several ticks at a time."""


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
