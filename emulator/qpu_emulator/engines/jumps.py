"""Quantum jumps: when the squared norm of a trajectory falls below its threshold, the pending operators are replayed one by one.

The probability that no jump has happened up to some operator is the squared norm after it (Dalibard, Castin, Moelmer 1992;
Plenio and Knight 1998): so one uniform number per jump says where it happens, and passes over the state serve all operators
until then.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO
from qpu_emulator.jit import compiled
from qpu_emulator.stream import uniform

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Real = NDArray[np.float64]
Short = NDArray[np.int32]


class Steps(NamedTuple):
    """Steps of a cluster on some lanes.

    Attributes:
        steps: ``int[steps, 3]``.
        pair: ``int[steps]``, number of the pair of each ZZ step.
        entry: ``int[steps, chosen]``: entry of `Idling`, or row of `Windows`.
        angle: ``float[steps, chosen]`` in rad; white dephasing is added to it as it is played, as random angles.
        shift: ``float[steps, chosen]`` in Hz.
    """

    steps: Short
    pair: Short
    entry: Short
    angle: Real
    shift: Real


class Idling(NamedTuple):
    """Idle times.

    Attributes:
        damping: ``float[entries, 2]``, factors on levels 0 and 1 while nothing jumps.
        kick: ``float[entries]``, angle in rad, of either sign, that stands for white dephasing.
        seeping: ``float[entries]``, probability that level 2 comes back to 1.
        jumps: ``complex[entries, 4, 2, 2]``: down, up, and up to level 2 from 1 and from 0.
    """

    damping: Real
    kick: Real
    seeping: Real
    jumps: Complex


class Windows(NamedTuple):
    """Kraus operators of windows, see `unravelling.Shelf`."""

    keep: Complex
    jumps: Complex
    leaks: Index
    first: Index


class Fate(NamedTuple):
    """What decides the jumps of all lanes.

    Attributes:
        limit: ``float[lanes]``, squared norm below which a jump has happened.
        leaked: ``int[lanes]``, a bit per qubit that is in level 2; its amplitudes stand at level 1.
        draws: ``uint64[lanes]``, random streams.
    """

    limit: Real
    leaked: Index
    draws: NDArray[np.uint64]


@compiled()
def apply_one(state: Complex, stride: int, a: complex, b: complex, c: complex, d: complex) -> float:
    """Multiply a qubit by ``[[a, b], [c, d]]``; returns the squared norm."""
    total = 0.0
    for high in range(len(state) // (2 * stride)):
        for low in range(stride):
            place = high * 2 * stride + low
            zero, one = state[place], state[place + stride]
            x, y = a * zero + b * one, c * zero + d * one
            state[place], state[place + stride] = x, y
            total += x.real**2 + x.imag**2 + y.real**2 + y.imag**2
    return total


@compiled()
def apply_two(state: Complex, stride: int, other: int, matrix: Complex) -> float:
    """Multiply two qubits by a 4 x 4 matrix; returns the squared norm."""
    total = 0.0
    held = np.empty(4, np.complex128)
    for place in range(len(state)):
        if place & stride or place & other:
            continue
        for i in range(4):
            value = 0.0j
            for j in range(4):
                value += matrix[i, j] * state[place + (j >> 1) * stride + (j & 1) * other]
            held[i] = value
        for i in range(4):
            state[place + (i >> 1) * stride + (i & 1) * other] = held[i]
            total += held[i].real ** 2 + held[i].imag ** 2
    return total


@compiled()
def reduced(state: Complex, stride: int, other: int) -> Complex:
    """Reduced density matrix of one qubit (``other`` = 0), or of two."""
    size = 4 if other else 2
    rho = np.zeros((size, size), np.complex128)
    for place in range(len(state)):
        if place & stride or place & other:
            continue
        for i in range(size):
            left = state[place + (i >> 1) * stride + (i & 1) * other] if other else state[place + i * stride]
            for j in range(size):
                right = state[place + (j >> 1) * stride + (j & 1) * other] if other else state[place + j * stride]
                rho[i, j] += left * np.conj(right)
    return rho


@compiled()
def choose(rho: Complex, jumps: Complex, first: int, last: int, aim: float) -> int:
    """Which of some jumps happens, by their probabilities in a reduced state."""
    size = len(rho)
    weights = np.zeros(last - first)
    for number in range(first, last):
        for i in range(size):
            for k in range(size):
                for m in range(size):
                    weights[number - first] += (jumps[number, i, k] * rho[k, m] * np.conj(jumps[number, i, m])).real
    total = weights.sum() * aim
    for number in range(first, last - 1):
        total -= weights[number - first]
        if total <= 0.0:
            return number
    return last - 1


@compiled()
def replay(
    state: Complex,
    column: int,
    lane: int,
    last: int,
    where: NDArray[np.int64],
    plan: Steps,
    idling: Idling,
    one: Windows,
    two: Windows,
    fate: Fate,
) -> None:
    """Play the pending steps of two qubits on one trajectory, one by one and with their jumps.

    Args:
        state: ``complex[2**qubits]``, before the first of them.
        column: Of the plan.
        lane: Whose fate it is.
        last: The last step; if it is a window on both qubits, it is played too.
        where: ``int[3, 2]``: the two qubits, their strides, the steps since which they are pending.
        plan: The steps.
        idling: Idle times.
        one: Windows on one qubit.
        two: Windows on two.
        fate: Thresholds.
    """
    for number in range(min(where[2, 0], where[2, 1]), min(last + 1, len(plan.steps))):
        kind, qubit = plan.steps[number, 0], plan.steps[number, 1]
        side = 0 if qubit == where[0, 0] else 1
        row = plan.entry[number, column]
        before = state
        if kind == TWO:
            if number != last or fate.leaked[lane] & ((1 << where[0, 0]) | (1 << where[0, 1])):
                continue
            before = state.copy()
            norm = apply_two(state, where[1, 0], where[1, 1], two.keep[row])
            begin, end = two.first[row], two.first[row + 1]
        elif kind <= ONE:
            if qubit != where[0, side] or number < where[2, side] or fate.leaked[lane] >> qubit & 1:
                continue
            before = state.copy()
            if kind == IDLE:
                angle = plan.angle[number, column]
                factor = idling.damping[row, 1] * (np.cos(angle) - 1j * np.sin(angle))
                norm = apply_one(state, where[1, side], idling.damping[row, 0] + 0j, 0j, 0j, factor)
                begin, end = 0, 4
            else:
                delta = plan.shift[number, column]
                m = one.keep[row, 0] + delta * (one.keep[row, 1] + delta * one.keep[row, 2])
                norm = apply_one(state, where[1, side], m[0, 0], m[0, 1], m[1, 0], m[1, 1])
                begin, end = one.first[row], one.first[row + 1]
        else:
            continue
        if norm >= fate.limit[lane] or begin == end:
            continue
        aim = uniform(fate.draws, lane)
        if kind == TWO:
            chosen = choose(reduced(before, where[1, 0], where[1, 1]), two.jumps, begin, end, aim)
            norm = apply_two(before, where[1, 0], where[1, 1], two.jumps[chosen])
            fate.leaked[lane] |= ((two.leaks[chosen] & 1) << where[0, 0]) | ((two.leaks[chosen] >> 1) << where[0, 1])
        else:
            rho = reduced(before, where[1, side], 0)
            jumps = idling.jumps[row] if kind == IDLE else one.jumps
            chosen = choose(rho, jumps, begin, end, aim)
            jump = jumps[chosen]
            norm = apply_one(before, where[1, side], jump[0, 0], jump[0, 1], jump[1, 0], jump[1, 1])
            if (chosen > 1) if kind == IDLE else (one.leaks[chosen] > 0):
                fate.leaked[lane] |= 1 << qubit
        scale = 1 / np.sqrt(max(norm, 1e-300))
        for place in range(len(state)):
            state[place] = before[place] * scale
        fate.limit[lane] = uniform(fate.draws, lane)
