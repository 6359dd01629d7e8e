"""Drives beside a flux pulse: two transmons and a coupler, run by run.

States are rows here, real and imaginary parts apart, as ``float[2 * columns, states]``, with a state's number ``9 a + 3 c + b``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real
from qpu_emulator.windows.propagator import square, tick

_STEPS = (9, 1)
"""From a state to that with one excitation more of the first and of the second transmon."""

Index = NDArray[np.int64]


@compiled()
def hamiltonians(
    rest: Real, coupler: Real, frequency: Real, shift: Real, tones: Complex, ladders: Real
) -> tuple[Real, float, float]:
    """What acts in runs with a drive, but for quadratures.

    Args:
        rest: ``float[states, states]`` in Hz, at coupler frequency zero.
        coupler: ``float[states, states]``, its excitations.
        frequency: ``float[runs]``, of the coupler in Hz.
        shift: ``float[states]``, energies that the frame takes away, rad/s.
        tones: ``complex[runs, 2]``, half the Rabi rates in rad/s.
        ladders: ``float[2, states, states]``, what raises and lowers either transmon.

    Returns:
        ``float[runs, states, states]`` in rad/s, and between what their eigenvalues lie, quadratures included (Gershgorin).
    """
    size = len(rest)
    out = np.empty((len(frequency), size, size))
    low, high = np.inf, -np.inf
    for run in range(len(frequency)):
        for i in range(size):
            reach = 0.0
            for j in range(size):
                value = 2 * np.pi * (rest[i, j] + frequency[run] * coupler[i, j])
                for transmon in range(2):
                    value += tones[run, transmon].real * ladders[transmon, i, j]
                    reach += abs(tones[run, transmon].imag) * ladders[transmon, i, j]
                if i == j:
                    value -= shift[i]
                else:
                    reach += abs(value)
                out[run, i, j] = value
            low, high = min(low, out[run, i, i] - reach), max(high, out[run, i, i] + reach)
    return out, low, high


@compiled()
def walk(
    table: Real,
    places: Real,
    repeats: Index,
    frames: Complex,
    driven: Index,
    hamiltonian: Real,
    quadratures: Real,
    spectrum: tuple[float, float],
    series: Complex,
    members: Index,
    sizes: Index,
    marks: Index,
    idle: Index,
) -> Complex:
    """Propagators of one window: ticks with a drive by Chebyshev polynomials, those without one block by block.

    Args:
        table: Ticks without a drive, as of `ticks.Ticks.around`.
        places: ``float[runs]``, where in it.
        repeats: ``int[runs]``.
        frames: ``complex[runs, 2, states]``, by which states turn before and after each run.
        driven: ``int[runs]``, numbers of those with a drive, -1 of others.
        hamiltonian: ``float[driven, states, states]``, real and symmetric, rad/s.
        quadratures: ``float[driven, 2]``, imaginary parts of what raises either transmon, rad/s.
        spectrum: Middle and half of the width of what holds all eigenvalues.
        series: Weight of each polynomial in what a tick does, but for the phase of the middle.
        members: Numbers of the blocks' states, one block after the other.
        sizes: ``int[blocks]``.
        marks: ``int[q]``, ascending: after how many runs to note the propagator so far.
        idle: States that begin and that are noted.

    Returns:
        ``complex[q, idle, idle]``.
    """
    size, columns = frames.shape[2], len(idle)
    noted = np.zeros((len(marks), columns, columns), np.complex128)
    step, power = np.empty((2, (sizes**2).sum())), np.empty((2, (sizes**2).sum()))
    now, old, new = np.zeros((2 * columns, size)), np.zeros((2 * columns, size)), np.zeros((2 * columns, size))
    total, roots, h = np.zeros((2 * columns, size)), np.zeros((2, size)), np.zeros((size, size))
    middle, radius = spectrum
    for state in range(size):
        roots[0, state] = np.sqrt(state // 9 + 1.0) if state // 9 < 2 else 0.0
        roots[1, state] = np.sqrt(state % 3 + 1.0) if state % 3 < 2 else 0.0
    for column in range(columns):
        now[column, idle[column]] = 1.0
    mark = 0
    for run in range(len(repeats)):
        _turn(frames[run, 0], now)
        if driven[run] < 0:
            tick(table, places[run], table.shape[2] // 2, step)
            left = repeats[run]
            while left:
                if left % 2:
                    _blocks(step, sizes, members, now, new)
                    now, new = new, now
                left //= 2
                if left:
                    square(step, sizes, power)
                    step, power = power, step
        else:
            drive = quadratures[driven[run]] / radius
            for i in range(size):
                for j in range(size):
                    h[i, j] = hamiltonian[driven[run], i, j] / radius
                h[i, i] -= middle / radius
            for _ in range(repeats[run]):
                old[:] = 0.0
                total[:] = 0.0
                _add(series[0], now.reshape(2, -1), total.reshape(2, -1))
                for order in range(1, len(series)):
                    np.dot(now, h, new)
                    if drive[0] != 0.0 or drive[1] != 0.0:
                        _quadratures(drive, roots, now, new)
                    # T_1 = x T_0, then T_k+1 = 2 x T_k - T_k-1
                    _subtract(1.0 if order == 1 else 2.0, old.reshape(-1), new.reshape(-1))
                    _add(series[order], new.reshape(2, -1), total.reshape(2, -1))
                    old, now, new = now, new, old
                now, total = total, now
        _turn(frames[run, 1], now)
        while mark < len(marks) and marks[mark] == run + 1:
            for i in range(columns):
                for j in range(columns):
                    noted[mark, i, j] = complex(now[j, idle[i]], now[columns + j, idle[i]])
            mark += 1
    return noted


@compiled()
def _quadratures(drive: Real, roots: Real, states: Real, out: Real) -> None:
    """Add what ``i q (raise - lower)`` makes of states."""
    columns, size = states.shape[0] // 2, states.shape[1]
    for transmon in range(2):
        if drive[transmon] == 0.0:
            continue
        apart = _STEPS[transmon]
        for column in range(columns):
            real, imag = states[column], states[columns + column]
            out_real, out_imag = out[column], out[columns + column]
            for low in range(size - apart):
                weight = drive[transmon] * roots[transmon, low]
                out_real[low + apart] -= weight * imag[low]
                out_imag[low + apart] += weight * real[low]
            for low in range(size - apart):
                weight = drive[transmon] * roots[transmon, low]
                out_real[low] += weight * imag[low + apart]
                out_imag[low] -= weight * real[low + apart]


@compiled()
def _turn(phases: Complex, states: Real) -> None:
    columns = states.shape[0] // 2
    for column in range(columns):
        for state in range(states.shape[1]):
            turned = phases[state] * complex(states[column, state], states[columns + column, state])
            states[column, state], states[columns + column, state] = turned.real, turned.imag


@compiled()
def _subtract(times: float, old: Real, new: Real) -> None:
    for place in range(len(new)):
        new[place] = times * new[place] - old[place]


@compiled()
def _add(weight: complex, states: Real, total: Real) -> None:
    """A weight is real or imaginary."""
    x, y = weight.real, weight.imag
    if y == 0.0:
        for part in range(2):
            for place in range(states.shape[1]):
                total[part, place] += x * states[part, place]
    else:
        for place in range(states.shape[1]):
            total[0, place] -= y * states[1, place]
        for place in range(states.shape[1]):
            total[1, place] += y * states[0, place]


@compiled()
def _blocks(step: Real, sizes: Index, members: Index, states: Real, out: Real) -> None:
    """One step of all blocks."""
    columns = states.shape[0] // 2
    for column in range(columns):
        first = entry = 0
        for block in range(len(sizes)):
            dim = sizes[block]
            for i in range(dim):
                real = imag = 0.0
                for k in range(dim):
                    a, b = step[0, entry], step[1, entry]
                    c, d = states[column, members[first + k]], states[columns + column, members[first + k]]
                    real += a * c - b * d
                    imag += a * d + b * c
                    entry += 1
                out[column, members[first + i]], out[columns + column, members[first + i]] = real, imag
            first += dim
