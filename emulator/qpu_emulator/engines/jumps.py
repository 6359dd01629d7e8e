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
def apply_two(state: Complex, stride: int, other: int, matrix: Complex) -> None:
    """Multiply two qubits by a 4 x 4 matrix."""
    held = np.empty(4, np.complex128)
    for place in range(len(state)):
        if place & stride or place & other:
            continue
        for i in range(4):
            held[i] = state[place + (i >> 1) * stride + (i & 1) * other]
        for i in range(4):
            value = 0.0j
            for j in range(4):
                value += matrix[i, j] * held[j]
            state[place + (i >> 1) * stride + (i & 1) * other] = value


@compiled()
def reduced(state: Complex, stride: int, other: int) -> Complex:
    """Reduced density matrix of two qubits."""
    rho = np.zeros((4, 4), np.complex128)
    for place in range(len(state)):
        if place & stride or place & other:
            continue
        for i in range(4):
            left = state[place + (i >> 1) * stride + (i & 1) * other]
            for j in range(4):
                rho[i, j] += left * np.conj(state[place + (j >> 1) * stride + (j & 1) * other])
    return rho


@compiled()
def _half(rho: Complex, side: int) -> Complex:
    """Reduced density matrix of the first of two qubits (0), or of the second."""
    out = np.zeros((2, 2), np.complex128)
    for i in range(2):
        for j in range(2):
            for k in range(2):
                out[i, j] += rho[2 * i + k, 2 * j + k] if side == 0 else rho[2 * k + i, 2 * k + j]
    return out


@compiled()
def _beside(matrix: Complex, side: int) -> Complex:
    """A matrix of one qubit as one of two, of which it is the first (0) or the second."""
    out = np.zeros((4, 4), np.complex128)
    for i in range(2):
        for j in range(2):
            for k in range(2):
                if side == 0:
                    out[2 * i + k, 2 * j + k] = matrix[i, j]
                else:
                    out[2 * k + i, 2 * k + j] = matrix[i, j]
    return out


@compiled()
def _times(left: Complex, right: Complex) -> Complex:
    out = np.zeros_like(right)
    for i in range(len(left)):
        for k in range(len(left)):
            for j in range(len(left)):
                out[i, j] += left[i, k] * right[k, j]
    return out


@compiled()
def _carried(matrix: Complex, rho: Complex) -> Complex:
    """``M rho M+``."""
    return _times(matrix, _times(matrix, rho).conj().T.copy())


@compiled()
def choose(rho: Complex, jumps: Complex, first: int, last: int, aim: float) -> int:
    """Which of some jumps happens, by their probabilities in a reduced state."""
    weights = np.array([np.trace(_carried(jumps[number], rho)).real for number in range(first, last)])
    total = weights.sum() * aim
    for number in range(first, last - 1):
        total -= weights[number - first]
        if total <= 0.0:
            return number
    return last - 1


@compiled()
def replay(
    rho: Complex,
    column: int,
    lane: int,
    last: int,
    where: Index,
    plan: Steps,
    idling: Idling,
    one: Windows,
    two: Windows,
    fate: Fate,
) -> Complex:
    """Play the pending steps of two qubits on one trajectory, one by one and with their jumps.

    What happens depends on the reduced state of the two qubits only.

    Args:
        rho: ``complex[4, 4]``, before the first of them.
        column: Of the plan.
        lane: Whose fate it is.
        last: The last step; if it is a window on both qubits, it is played too.
        where: ``int[2, 2]``: the two qubits, and the steps since which they are pending.
        plan: The steps.
        idling: Idle times.
        one: Windows on one qubit.
        two: Windows on two.
        fate: Thresholds.

    Returns:
        ``complex[4, 4]``, the operator that has acted on the two.
    """
    acted = np.eye(4, dtype=np.complex128)
    for number in range(min(where[1, 0], where[1, 1]), min(last + 1, len(plan.steps))):
        kind, qubit = plan.steps[number, 0], plan.steps[number, 1]
        side = 0 if qubit == where[0, 0] else 1
        row = plan.entry[number, column]
        if kind == TWO:
            if number != last or fate.leaked[lane] & ((1 << where[0, 0]) | (1 << where[0, 1])):
                continue
            operator = two.keep[row]
            begin, end = two.first[row], two.first[row + 1]
        elif kind <= ONE:
            if qubit != where[0, side] or number < where[1, side] or fate.leaked[lane] >> qubit & 1:
                continue
            if kind == IDLE:
                angle = plan.angle[number, column]
                factor = idling.damping[row, 1] * (np.cos(angle) - 1j * np.sin(angle))
                operator = _beside(np.array([[idling.damping[row, 0] + 0j, 0j], [0j, factor]]), side)
                begin, end = 0, 4
            else:
                delta = plan.shift[number, column]
                operator = _beside(one.keep[row, 0] + delta * (one.keep[row, 1] + delta * one.keep[row, 2]), side)
                begin, end = one.first[row], one.first[row + 1]
        else:
            continue
        after = _carried(operator, rho)
        if np.trace(after).real >= fate.limit[lane] or begin == end:
            rho, acted = after, _times(operator, acted)
            continue
        aim = uniform(fate.draws, lane)
        if kind == TWO:
            chosen = choose(rho, two.jumps, begin, end, aim)
            jump = two.jumps[chosen]
            fate.leaked[lane] |= ((two.leaks[chosen] & 1) << where[0, 0]) | ((two.leaks[chosen] >> 1) << where[0, 1])
        else:
            jumps = idling.jumps[row] if kind == IDLE else one.jumps
            chosen = choose(_half(rho, side), jumps, begin, end, aim)
            jump = _beside(jumps[chosen], side)
            if (chosen > 1) if kind == IDLE else (one.leaks[chosen] > 0):
                fate.leaked[lane] |= 1 << qubit
        rho = _carried(jump, rho)
        scale = 1 / max(np.trace(rho).real, 1e-300)
        rho, acted = scale * rho, np.sqrt(scale) * _times(jump, acted)
        fate.limit[lane] = uniform(fate.draws, lane)
    return acted
