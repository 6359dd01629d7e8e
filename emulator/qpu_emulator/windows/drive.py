"""Transmons of three levels under drives: exact propagators of piecewise-constant pulses, many windows side by side.

Matrices are flat arrays, one number of all lanes after the other: real parts row by row, then imaginary parts. Lanes stand
`_LANES` apart whether or not all are there, so that the compiler knows all distances and need not ask whether rows overlap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real, superoperator
from qpu_emulator.windows.generators import generators

_TERMS, _NORM = 26, 2.0
"""Of the series, an even number, for a Hamiltonian of at most this norm; ticks of 1 ns rarely have more."""
_LANES = 32
"""Windows side by side: more would not stay in the second-level cache."""
_MAX_STEPS = 4096
"""Of a run of equal samples; a longer one takes several ticks at a time."""
_LONG = 100
"""Ticks of a pulse from which on its second half costs more than to see the first one in a mirror."""
_CONJUGATE = np.array([1, 1, 1, 1, -1, 1, -1, 1, -1])[:, None]
"""What conjugation does to real vectors, as factors."""

Flat = NDArray[np.float64]
Places = NDArray[np.int64]


def drive(
    shapes: Complex,
    repeats: Places,
    dt: float,
    detuning: Real,
    anharmonicity: Real,
    rates: Real | None = None,
    sent: tuple[Places, Complex] | None = None,
) -> tuple[Complex, Real, Real]:
    """Transmons of three levels under drives, in the rotating frame of the carrier at phase zero.

    Windows go side by side, and no number of one depends on who goes with it. What follows is on real vectors of `basis`, in the
    frame that turns with the pulse.

    Args:
        shapes: ``complex[shapes, runs]``, half the Rabi rate in rad/s.
        repeats: ``int[runs]``, ticks of each run.
        dt: Tick in s.
        detuning: ``float[n]``, qubit minus carrier in rad/s.
        anharmonicity: ``float[n]``, rad/s.
        rates: ``float[n, 3]`` in 1/s: down, up and dephasing, as of `relaxation.Relaxation`; without them nothing relaxes.
        sent: ``int[n]``, which shape each window has, and ``complex[n]``, times what; without it each has its own as it is.

    Returns:
        ``U[n, 3, 3]``; the generator of a detuning, ``float[n, 9, 9]`` in s, the integral of ``-i [U+ n U, .]``; and Lindblad's
        generator integrated, ``float[n, 9, 9]``.
    """
    count = len(detuning)
    rates = np.zeros((count, 3)) if rates is None else rates
    which, factor = (np.arange(count), np.ones(count, complex)) if sent is None else sent
    mirrored = _mirrored(shapes, repeats)[which] & (factor.imag == 0)
    own = which, factor, dt, detuning, anharmonicity, rates, bool(rates.any()), *generators()
    if not mirrored.any():
        return _follow(shapes, repeats, _MAX_STEPS, *own)
    if mirrored.all():
        middle = (len(repeats) + 1) // 2
        first = repeats[:middle].copy()
        first[-1] //= 1 + len(repeats) % 2
        return _doubled(*_follow(np.ascontiguousarray(shapes[:, :middle]), first, _MAX_STEPS // 2, *own))
    found = np.empty((count, 3, 3), complex), *np.empty((2, count, 9, 9))
    for rows in (mirrored, ~mirrored):
        some = which[rows], factor[rows]
        parts = drive(shapes, repeats, dt, detuning[rows], anharmonicity[rows], rates[rows], some)
        for whole, part in zip(found, parts, strict=True):
            whole[rows] = part
    return found


def _doubled(half: Complex, slope: Real, lost: Real) -> tuple[Complex, Real, Real]:
    """The same of a pulse and its mirror image: there propagators are the transpose, and what is gathered is the conjugate."""
    whole = half.transpose(0, 2, 1) @ half
    back = _CONJUGATE * superoperator(whole, 3, 3)
    forth = back.transpose(0, 2, 1)
    return whole, slope - forth @ slope @ back, lost + forth @ lost @ back


@compiled()
def _mirrored(shapes: Complex, repeats: Places) -> NDArray[np.bool_]:
    """Long shapes that are their own conjugates backwards, as symmetric ones are with derivatives beside them; of even length."""
    runs, ticks = len(repeats), repeats.sum()
    found = np.full(len(shapes), ticks >= _LONG and ticks % 2 == 0)
    for run in range((runs + 1) // 2):
        other = runs - 1 - run
        if repeats[run] != repeats[other]:
            found[:] = False
    for index in range(len(shapes)):
        run = 0
        while found[index] and run < (runs + 1) // 2:
            found[index] = shapes[index, run] == np.conj(shapes[index, runs - 1 - run])
            run += 1
    return found


@compiled()
def _follow(
    shapes: Complex,
    repeats: Places,
    most: int,
    which: Places,
    factor: Complex,
    dt: float,
    detuning: Flat,
    anharmonicity: Flat,
    rates: Real,
    lossy: bool,
    of_slope: tuple[Places, Flat],
    of_down: tuple[Places, Flat],
    of_up: tuple[Places, Flat],
    of_dephasing: tuple[Places, Flat],
) -> tuple[Complex, Real, Real]:
    """What `drive` returns, a run of equal samples in so many steps at most. The last four are `generators`."""
    count = len(which)
    unitary = np.empty((count, 3, 3), np.complex128)
    slope, lost = np.empty((count, 9, 9)), np.empty((count, 9, 9))
    u, middle, half, spare = np.empty(18 * _LANES), np.empty(18 * _LANES), np.empty(18 * _LANES), np.empty(18 * _LANES)
    k, turned, j = np.empty(9 * _LANES), np.empty(27 * _LANES), np.empty((9, 9, 3 * _LANES))
    room, squarings, entries = np.empty(16 * _LANES), np.empty(_LANES, np.int64), np.empty(81 * _LANES)
    lanes = min(_LANES, count)
    for first in range(0, count, lanes):
        u[:] = 0.0
        k[:] = 0.0
        j[:] = 0.0
        for i in range(3):
            for lane in range(lanes):
                u[4 * i * _LANES + lane] = 1.0
        for run in range(shapes.shape[1]):
            # The middle of each step carries its share of the integrals (midpoint rule).
            steps = min(repeats[run], most)
            tau = repeats[run] * dt / steps
            share = 0.5 * tau
            for lane in range(lanes):
                # a block that is not full has its last window several times
                index = min(first + lane, count - 1)
                sample = factor[index] * shapes[which[index], run]
                room[lane] = share * detuning[index]
                room[_LANES + lane] = share * (2 * detuning[index] + anharmonicity[index])
                room[2 * _LANES + lane] = share * sample.real
                room[3 * _LANES + lane] = share * sample.imag
            _turn(room, squarings, spare, half, lanes)
            for _ in range(steps):
                _multiply(half, u, middle, lanes)
                _count(middle, turned, lanes)
                for i in range(9):
                    for lane in range(lanes):
                        k[i * _LANES + lane] += tau * turned[3 * i * _LANES + lane]
                if lossy:
                    _lower(middle, turned, lanes)
                    _gather(turned, tau, j, lanes)
                _multiply(half, middle, u, lanes)
        here = min(lanes, count - first)
        for lane in range(here):
            for i in range(9):
                unitary[first + lane, i // 3, i % 3] = complex(u[i * _LANES + lane], u[(9 + i) * _LANES + lane])
        entries[:] = 0.0
        room[:_LANES] = 1.0
        _add(of_slope, k, room, entries, lanes)
        _put(entries, slope[first : first + here])
        entries[:] = 0.0
        for kind, weights in enumerate((of_down, of_up, of_dephasing)):
            for lane in range(lanes):
                room[lane] = rates[min(first + lane, count - 1), kind]
            _add(weights, j.reshape(-1), room, entries, lanes)
        _put(entries, lost[first : first + here])
    return unitary, slope, lost


@compiled()
def _add(weights: tuple[Places, Flat], numbers: Flat, factor: Flat, out: Flat, lanes: int) -> None:
    """Add to entries what they have of numbers, times a factor of each lane."""
    places, values = weights
    for one in range(len(values)):
        source, target = places[one, 0] * _LANES, places[one, 1] * _LANES
        for lane in range(lanes):
            out[target + lane] += values[one] * factor[lane] * numbers[source + lane]


@compiled()
def _put(entries: Flat, out: Real) -> None:
    """Lanes as matrices."""
    for lane in range(len(out)):
        for i in range(81):
            out[lane, i // 9, i % 9] = entries[i * _LANES + lane]


@compiled()
def _turn(room: Flat, squarings: NDArray[np.int64], spare: Flat, out: Flat, lanes: int) -> None:
    """``exp(-i g)`` into ``out``, of ladders of three: energies 0 and two more, couplings 1 and root 2 times one.

    By Cayley and Hamilton, powers of a matrix of three are sums of 1, g and g^2, whose weights in the series are numbers. The
    first four numbers of ``room`` are both energies and the coupling; the others are to work in.
    """
    root, most = np.sqrt(2.0), 0
    for lane in range(lanes):
        size = abs(room[2 * _LANES + lane]) + abs(room[3 * _LANES + lane])
        norm = max(abs(room[lane]), abs(room[_LANES + lane])) + 2.5 * size
        squarings[lane] = 0
        while norm > _NORM:
            norm *= 0.5
            squarings[lane] += 1
        most = max(most, squarings[lane])
        for number in range(4):
            room[number * _LANES + lane] *= 0.5 ** squarings[lane]
    for lane in range(lanes):
        first, second = room[lane], room[_LANES + lane]
        size = room[2 * _LANES + lane] ** 2 + room[3 * _LANES + lane] ** 2
        room[4 * _LANES + lane] = first + second
        room[5 * _LANES + lane] = first * second - 3 * size
        room[6 * _LANES + lane] = -size * second
        # g^n = squared g^2 + plain g + one; then what is summed of each, real parts and imaginary ones
        room[7 * _LANES + lane], room[8 * _LANES + lane], room[9 * _LANES + lane] = 0.0, 0.0, 1.0
        room[10 * _LANES + lane], room[11 * _LANES + lane], room[12 * _LANES + lane] = 0.0, 0.0, 1.0
        room[13 * _LANES + lane], room[14 * _LANES + lane], room[15 * _LANES + lane] = 0.0, 0.0, 0.0
    weight = 1.0
    for order in range(1, _TERMS, 2):
        # powers of -i are imaginary and real in turns
        odd = -weight / order
        weight = odd / (order + 1)
        for lane in range(lanes):
            trace, minors, determinant = room[4 * _LANES + lane], room[5 * _LANES + lane], room[6 * _LANES + lane]
            squared, plain, one = room[7 * _LANES + lane], room[8 * _LANES + lane], room[9 * _LANES + lane]
            squared, plain, one = trace * squared + plain, one - minors * squared, determinant * squared
            room[13 * _LANES + lane] += odd * squared
            room[14 * _LANES + lane] += odd * plain
            room[15 * _LANES + lane] += odd * one
            squared, plain, one = trace * squared + plain, one - minors * squared, determinant * squared
            room[10 * _LANES + lane] += weight * squared
            room[11 * _LANES + lane] += weight * plain
            room[12 * _LANES + lane] += weight * one
            room[7 * _LANES + lane], room[8 * _LANES + lane], room[9 * _LANES + lane] = squared, plain, one
    for part in range(2):
        for lane in range(lanes):
            first, second, x, y = room[lane], room[_LANES + lane], room[2 * _LANES + lane], room[3 * _LANES + lane]
            square, linear, constant = (
                room[(10 + 3 * part) * _LANES + lane],
                room[(11 + 3 * part) * _LANES + lane],
                room[(12 + 3 * part) * _LANES + lane],
            )
            size = x * x + y * y
            one_up, two_up = linear + square * first, root * (linear + square * (first + second))
            here = 9 * part * _LANES + lane
            out[here] = constant + square * size
            out[here + 4 * _LANES] = constant + linear * first + square * (first * first + 3 * size)
            out[here + 8 * _LANES] = constant + linear * second + square * (second * second + 2 * size)
            # what a complex coupling multiplies waits for its other part
            spare[here], spare[here + _LANES], spare[here + 2 * _LANES] = one_up, two_up, root * square
    for lane in range(lanes):
        x, y = room[2 * _LANES + lane], room[3 * _LANES + lane]
        up, double = spare[lane], spare[_LANES + lane]
        up_i, double_i = spare[9 * _LANES + lane], spare[10 * _LANES + lane]
        out[3 * _LANES + lane], out[12 * _LANES + lane] = up * x - up_i * y, up * y + up_i * x
        out[1 * _LANES + lane], out[10 * _LANES + lane] = up * x + up_i * y, up_i * x - up * y
        out[7 * _LANES + lane], out[16 * _LANES + lane] = double * x - double_i * y, double * y + double_i * x
        out[5 * _LANES + lane], out[14 * _LANES + lane] = double * x + double_i * y, double_i * x - double * y
    for lane in range(lanes):
        x, y = room[2 * _LANES + lane], room[3 * _LANES + lane]
        square, square_i = spare[2 * _LANES + lane], spare[11 * _LANES + lane]
        real, imag = x * x - y * y, 2 * x * y
        out[6 * _LANES + lane], out[15 * _LANES + lane] = square * real - square_i * imag, square * imag + square_i * real
        out[2 * _LANES + lane], out[11 * _LANES + lane] = square * real + square_i * imag, square_i * real - square * imag
    for turn in range(most):
        _multiply(out, out, spare, lanes)
        for number in range(18):
            for lane in range(lanes):
                here = number * _LANES + lane
                out[here] = spare[here] if squarings[lane] > turn else out[here]


@compiled()
def _multiply(left: Flat, right: Flat, out: Flat, lanes: int) -> None:
    """Products into ``out``, which must be neither of the factors."""
    for i in range(3):
        for lane in range(lanes):
            for j in range(3):
                real = imag = 0.0
                for k in range(3):
                    a, b = left[(3 * i + k) * _LANES + lane], left[(9 + 3 * i + k) * _LANES + lane]
                    c, d = right[(3 * k + j) * _LANES + lane], right[(9 + 3 * k + j) * _LANES + lane]
                    real += a * c - b * d
                    imag += a * d + b * c
                out[(3 * i + j) * _LANES + lane], out[(9 + 3 * i + j) * _LANES + lane] = real, imag


@compiled()
def _count(u: Flat, out: Flat, lanes: int) -> None:
    """``U+ n U``, which is Hermitian, as nine real numbers (`generators`): every third one of ``out``."""
    for lane in range(lanes):
        for i in range(3):
            a, b = u[(3 + i) * _LANES + lane], u[(12 + i) * _LANES + lane]
            c, d = u[(6 + i) * _LANES + lane], u[(15 + i) * _LANES + lane]
            out[3 * i * _LANES + lane] = a * a + b * b + 2 * (c * c + d * d)
    for pair in range(3):
        i, j = (0 if pair < 2 else 1), (1 if pair < 1 else 2)
        for lane in range(lanes):
            a, b = u[(3 + i) * _LANES + lane], u[(12 + i) * _LANES + lane]
            c, d = u[(6 + i) * _LANES + lane], u[(15 + i) * _LANES + lane]
            e, f = u[(3 + j) * _LANES + lane], u[(12 + j) * _LANES + lane]
            g, h = u[(6 + j) * _LANES + lane], u[(15 + j) * _LANES + lane]
            out[3 * (3 + 2 * pair) * _LANES + lane] = a * e + b * f + 2 * (c * g + d * h)
            out[3 * (4 + 2 * pair) * _LANES + lane] = a * f - b * e + 2 * (c * h - d * g)


@compiled()
def _lower(u: Flat, out: Flat, lanes: int) -> None:
    """``U+ L U`` for L lowering: nine real and imaginary parts, after each number of `_count`."""
    root = np.sqrt(2.0)
    for i in range(3):
        for lane in range(lanes):
            a, b = u[i * _LANES + lane], u[(9 + i) * _LANES + lane]
            c, d = root * u[(3 + i) * _LANES + lane], root * u[(12 + i) * _LANES + lane]
            for j in range(3):
                e, f = u[(3 + j) * _LANES + lane], u[(12 + j) * _LANES + lane]
                g, h = u[(6 + j) * _LANES + lane], u[(15 + j) * _LANES + lane]
                out[(3 * (3 * i + j) + 1) * _LANES + lane] = a * e + b * f + c * g + d * h
                out[(3 * (3 * i + j) + 2) * _LANES + lane] = a * f - b * e + c * h - d * g


@compiled()
def _gather(turned: Flat, weight: float, out: NDArray[np.float64], lanes: int) -> None:
    """Add ``v v+`` for both operators, one triangle: ``float[9, 9, 3 * lanes]``, of counting, which is real, and of lowering."""
    rows = turned.reshape(9, 3 * _LANES)
    for i in range(9):
        for j in range(i + 1):
            for lane in range(lanes):
                a, b = weight * rows[i, _LANES + lane], weight * rows[i, 2 * _LANES + lane]
                c, d = rows[j, _LANES + lane], rows[j, 2 * _LANES + lane]
                out[i, j, lane] += weight * rows[i, lane] * rows[j, lane]
                out[i, j, _LANES + lane] += a * c + b * d
                out[i, j, 2 * _LANES + lane] += b * c - a * d
