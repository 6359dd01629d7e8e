"""The density-matrix engine: real vectors of `basis`, many lanes at a time so that every inner loop is long and contiguous.

A lane is one density matrix: a row of the table, a slice of the noise, a history of measured levels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO
from qpu_emulator.jit import compiled
from qpu_emulator.stream import circle

_TURNS = 1 / (2 * np.pi)
_ROUNDING = 1e-17
"""What a window has below this is noise of its solution."""
_WIDTH = 64
"""Lanes in a block, so that a block's states of five qubits stay in the second-level cache."""


@compiled()
def evolve(
    states: NDArray[np.float64],
    chosen: NDArray[np.int64],
    steps: NDArray[np.int32],
    index: NDArray[np.int32],
    angle: NDArray[np.float64],
    shift: NDArray[np.float64],
    mixing: NDArray[np.float64],
    fading: NDArray[np.float64],
    turning: NDArray[np.float64],
    one: NDArray[np.float64],
    two: NDArray[np.float64],
    levels: int,
    qubits: int,
) -> None:
    """Play steps on some lanes, in place.

    Args:
        states: ``float[levels**(2 qubits), lanes]``.
        chosen: Which lanes.
        steps: ``int[steps, 3]``: kind and the positions of one or two qubits.
        index: ``int[steps, chosen]``: which idle entry or window.
        angle: ``float[steps, chosen]`` in rad: argument x of Z(x) for idle steps, turn for ZZ.
        shift: ``float[steps, chosen]`` in Hz: detuning during a one-qubit window.
        mixing: ``float[entries, levels, levels]``, populations over idle time.
        fading: ``float[entries, coherences]``.
        turning: ``float[entries]``, phase in rad that level 2 gathers.
        one: ``float[windows, 3, size, size]``.
        two: ``float[windows, size**2, size**2]``.
        levels: 2 or 3.
        qubits: In this cluster.
    """
    single = levels * levels
    size = states.shape[0]
    for first in range(0, len(chosen), _WIDTH):
        lanes = min(_WIDTH, len(chosen) - first)
        rho = np.empty((size, lanes))
        matrix = np.empty((single, single, lanes))
        held = np.empty((single * single, lanes))
        number = np.empty(lanes, np.int64)
        x = np.empty(lanes)
        for i in range(size):
            for w in range(lanes):
                rho[i, w] = states[i, chosen[first + w]]
        for step in range(len(steps)):
            for w in range(lanes):
                number[w] = index[step, first + w]
                x[w] = angle[step, first + w]
            kind = steps[step, 0]
            stride = single ** (qubits - 1 - steps[step, 1])
            if kind == IDLE:
                _idle(rho, stride, levels, number, x, mixing, fading, turning)
            elif kind == ONE:
                same = (number == number[0]).all()
                for i in range(single):
                    for j in range(single):
                        if same:
                            value, slope, curve = one[number[0], 0, i, j], one[number[0], 1, i, j], one[number[0], 2, i, j]
                            for w in range(lanes):
                                delta = shift[step, first + w]
                                matrix[i, j, w] = value + delta * (slope + delta * curve)
                        else:
                            for w in range(lanes):
                                delta = shift[step, first + w]
                                n = number[w]
                                matrix[i, j, w] = one[n, 0, i, j] + delta * (one[n, 1, i, j] + delta * one[n, 2, i, j])
                _one(rho, stride, single, matrix, held)
            elif kind == TWO:
                other = single ** (qubits - 1 - steps[step, 2])
                _two(rho, stride, other, single, number, two, held)
            else:
                other = single ** (qubits - 1 - steps[step, 2])
                _zz(rho, stride, other, levels, x)
        for i in range(size):
            for w in range(lanes):
                states[i, chosen[first + w]] = rho[i, w]


@compiled()
def _idle(
    rho: NDArray[np.float64],
    stride: int,
    levels: int,
    number: NDArray[np.int64],
    x: NDArray[np.float64],
    mixing: NDArray[np.float64],
    fading: NDArray[np.float64],
    turning: NDArray[np.float64],
) -> None:
    single = levels * levels
    lanes = rho.shape[1]
    cosine, sine, weight = np.empty(lanes), np.empty(lanes), np.empty((levels * levels, lanes))
    held = np.empty((levels, lanes))
    same = (number == number[0]).all()
    for i in range(levels):
        for j in range(levels):
            if same:
                weight[i * levels + j, :] = mixing[number[0], i, j]
            else:
                for w in range(lanes):
                    weight[i * levels + j, w] = mixing[number[w], i, j]
    outer = len(rho) // (single * stride)
    for high in range(outer):
        for low in range(stride):
            base = high * single * stride + low
            if levels == 2:
                for w in range(lanes):
                    zero, one = rho[base, w], rho[base + stride, w]
                    rho[base, w] = weight[0, w] * zero + weight[1, w] * one
                    rho[base + stride, w] = weight[2, w] * zero + weight[3, w] * one
                continue
            for i in range(levels):
                for w in range(lanes):
                    held[i, w] = 0.0
                for j in range(levels):
                    for w in range(lanes):
                        held[i, w] += weight[i * levels + j, w] * rho[base + j * stride, w]
            for i in range(levels):
                for w in range(lanes):
                    rho[base + i * stride, w] = held[i, w]
    for coherence in range((single - levels) // 2):
        # coherences 01, 02, 12 turn by x, 2 x + t, x + t
        double, late = 2.0 if coherence == 1 else 1.0, 0.0 if coherence == 0 else 1.0
        if same:
            turned, left = late * turning[number[0]], fading[number[0], coherence]
            for w in range(lanes):
                c, s = circle((double * x[w] + turned) * _TURNS)
                cosine[w], sine[w] = c * left, s * left
        else:
            for w in range(lanes):
                cosine[w], sine[w] = circle((double * x[w] + late * turning[number[w]]) * _TURNS)
            for w in range(lanes):
                cosine[w] *= fading[number[w], coherence]
                sine[w] *= fading[number[w], coherence]
        for high in range(outer):
            for low in range(stride):
                place = high * single * stride + low + (levels + 2 * coherence) * stride
                for w in range(lanes):
                    real, imaginary = rho[place, w], rho[place + stride, w]
                    rho[place, w] = cosine[w] * real + sine[w] * imaginary
                    rho[place + stride, w] = cosine[w] * imaginary - sine[w] * real


@compiled()
def _one(rho: NDArray[np.float64], stride: int, single: int, matrix: NDArray[np.float64], held: NDArray[np.float64]) -> None:
    lanes = rho.shape[1]
    for high in range(len(rho) // (single * stride)):
        for low in range(stride):
            base = high * single * stride + low
            for i in range(single):
                for w in range(lanes):
                    held[i, w] = matrix[i, 0, w] * rho[base, w] if single % 4 else 0.0
                # four at a time, or most of it is loading and storing what is held
                for j in range(single % 4, single, 4):
                    a, b, c, d = base + j * stride, base + (j + 1) * stride, base + (j + 2) * stride, base + (j + 3) * stride
                    for w in range(lanes):
                        held[i, w] = (
                            held[i, w]
                            + matrix[i, j, w] * rho[a, w]
                            + matrix[i, j + 1, w] * rho[b, w]
                            + matrix[i, j + 2, w] * rho[c, w]
                            + matrix[i, j + 3, w] * rho[d, w]
                        )
            for i in range(single):
                for w in range(lanes):
                    rho[base + i * stride, w] = held[i, w]


@compiled()
def _two(
    rho: NDArray[np.float64],
    stride: int,
    other: int,
    single: int,
    number: NDArray[np.int64],
    two: NDArray[np.float64],
    held: NDArray[np.float64],
) -> None:
    joint = single * single
    lanes = rho.shape[1]
    same = (number == number[0]).all()
    # what is not 0, row by row; filled up with zeros to fours
    count, which = np.zeros(joint, np.int64), np.zeros((joint, joint + 3), np.int64)
    factor = np.zeros((joint, joint + 3))
    weight = np.empty((1 if same else joint * joint, lanes))
    for i in range(joint):
        for j in range(joint):
            if not same:
                for w in range(lanes):
                    weight[i * joint + j, w] = two[number[w], i, j]
            elif abs(two[number[0], i, j]) > _ROUNDING:
                which[i, count[i]] = (j // single) * stride + (j % single) * other
                factor[i, count[i]] = two[number[0], i, j]
                count[i] += 1
    coarse, fine = max(stride, other), min(stride, other)
    for high in range(len(rho) // (single * coarse)):
        for middle in range(coarse // (single * fine)):
            for low in range(fine):
                base = high * single * coarse + middle * single * fine + low
                for i in range(joint):
                    for w in range(lanes):
                        held[i, w] = 0.0
                    for k in range(0, count[i], 4):
                        a, b, c, d = base + which[i, k], base + which[i, k + 1], base + which[i, k + 2], base + which[i, k + 3]
                        f, g, h, m = factor[i, k], factor[i, k + 1], factor[i, k + 2], factor[i, k + 3]
                        for w in range(lanes):
                            held[i, w] = held[i, w] + f * rho[a, w] + g * rho[b, w] + h * rho[c, w] + m * rho[d, w]
                    if not same:
                        for j in range(joint):
                            place = base + (j // single) * stride + (j % single) * other
                            for w in range(lanes):
                                held[i, w] += weight[i * joint + j, w] * rho[place, w]
                for i in range(joint):
                    place = base + (i // single) * stride + (i % single) * other
                    for w in range(lanes):
                        rho[place, w] = held[i, w]


@compiled()
def _zz(rho: NDArray[np.float64], stride: int, other: int, levels: int, turn: NDArray[np.float64]) -> None:
    """``exp(-i turn/4 z z)``: coherences that flip z of one qubit turn with the sign of the other's z; level 2 counts as 1."""
    single = levels * levels
    lanes = rho.shape[1]
    cosine, sine = np.empty(lanes), np.empty(lanes)
    for w in range(lanes):
        cosine[w], sine[w] = circle(turn[w] / 2 * _TURNS)
    coarse, fine = max(stride, other), min(stride, other)
    flips = levels - 1
    for high in range(len(rho) // (single * coarse)):
        for middle in range(coarse // (single * fine)):
            for low in range(fine):
                base = high * single * coarse + middle * single * fine + low
                for swap in range(2):
                    moving, still = (stride, other) if swap == 0 else (other, stride)
                    for i in range(single):
                        if levels <= i < levels + 2 * flips:
                            continue
                        sign = -1.0 if i == 0 else 1.0
                        for flip in range(flips):
                            place = base + i * still + (levels + 2 * flip) * moving
                            for w in range(lanes):
                                real, imaginary = rho[place, w], rho[place + moving, w]
                                rho[place, w] = cosine[w] * real + sign * sine[w] * imaginary
                                rho[place + moving, w] = cosine[w] * imaginary - sign * sine[w] * real


@compiled()
def populations(
    states: NDArray[np.float64], chosen: NDArray[np.int64], measured: NDArray[np.int64], levels: int, qubits: int
) -> NDArray[np.float64]:
    """Joint probabilities of the levels of some qubits, ``float[chosen, levels**len(measured)]``, the last varying fastest."""
    weight = np.zeros(qubits, np.int64)
    for position in range(len(measured)):
        weight[measured[position]] = levels ** (len(measured) - 1 - position)
    places, targets = _diagonal(levels, qubits, weight)
    out = np.zeros((len(chosen), levels ** len(measured)))
    for number in range(len(places)):
        for lane in range(len(chosen)):
            out[lane, targets[number]] += states[places[number], chosen[lane]]
    return out


@compiled()
def _diagonal(levels: int, qubits: int, weight: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the populations stand in a state, and the weighted sum of the levels of each."""
    total = levels**qubits
    places, targets = np.zeros(total, np.int64), np.zeros(total, np.int64)
    for number in range(total):
        rest, stride = number, 1
        for back in range(qubits):
            places[number] += (rest % levels) * stride
            targets[number] += (rest % levels) * weight[qubits - 1 - back]
            rest //= levels
            stride *= levels * levels
    return places, targets


@compiled()
def project(
    states: NDArray[np.float64],
    source: NDArray[np.int64],
    position: int,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    levels: int,
    qubits: int,
) -> NDArray[np.float64]:
    """New lanes, each a copy of a source lane whose qubit was found in level ``before`` and is left in level ``after``."""
    single = levels * levels
    stride = single ** (qubits - 1 - position)
    size = states.shape[0]
    places = _diagonal(levels, qubits, np.zeros(qubits, np.int64))[0]
    out = np.zeros((size, len(source)))
    for place in range(size):
        if (place // stride) % single == 0:
            for lane in range(len(source)):
                out[place + after[lane] * stride, lane] = states[place + before[lane] * stride, source[lane]]
    weight = np.zeros(len(source))
    for place in places:
        for lane in range(len(source)):
            weight[lane] += out[place, lane]
    for place in range(size):
        for lane in range(len(source)):
            out[place, lane] /= max(weight[lane], 1e-300)
    return out
