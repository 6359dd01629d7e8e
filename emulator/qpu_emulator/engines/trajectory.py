"""Plays steps on pure states: sixteen trajectories side by side, one pass over their states per window on two qubits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO, ZZ
from qpu_emulator.engines.jumps import Fate, Idling, Steps, Windows, apply_two, replay
from qpu_emulator.engines.pending import exchange, gather, length, multiply, turn_phase
from qpu_emulator.engines.pure import Block, sweep
from qpu_emulator.jit import compiled
from qpu_emulator.stream import uniform

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Real = NDArray[np.float64]

_MOST_TURN = 0.1


@compiled()
def evolve(
    states: NDArray[np.complex64],
    chosen: Index,
    ends: Index,
    plan: Steps,
    idling: Idling,
    one: Windows,
    two: Windows,
    fate: Fate,
) -> None:
    """Play steps on some lanes, in place.

    Args:
        states: ``complex64[lanes, 2**qubits]``, not normalised; at least two qubits, position 0 varies slowest.
        chosen: Which lanes.
        ends: ``int[pairs, 2]``, qubits of each pair that ZZ couples.
        plan: What to play.
        idling: Idle times.
        one: Windows on one qubit.
        two: Windows on two qubits.
        fate: Thresholds and random streams of all lanes.
    """
    size = states.shape[1]
    qubits = 0
    while 1 << qubits < size:
        qubits += 1
    source, target = np.zeros(32 * size, np.float32), np.zeros(32 * size, np.float32)
    matrix, norm = np.zeros((4, 512), np.float32), np.zeros(16)
    waiting = np.zeros((qubits, 4, 16), np.complex128)
    turns = np.zeros((len(ends), 9, 16))
    busy = np.zeros(len(ends), np.bool_)
    since, due = np.zeros((qubits, 16), np.int64), np.zeros(qubits, np.bool_)
    for begin in range(0, len(chosen), 16):
        lanes = min(16, len(chosen) - begin)
        for w in range(lanes):
            for place in range(size):
                value = states[chosen[begin + w], place]
                source[32 * place + w], source[32 * place + 16 + w] = value.real, value.imag
        due[:], busy[:], turns[:], since[:] = False, False, 0.0, 0
        _identity(waiting)
        for step in range(len(plan.steps) + 1):
            kind = TWO if step == len(plan.steps) else plan.steps[step, 0]
            if kind <= ONE:
                due[plan.steps[step, 1]] = True
                _wait(waiting, since, step, begin, lanes, chosen, plan, idling, one, fate)
                continue
            if kind == ZZ:
                pair = plan.pair[step]
                p, q = ends[pair]
                if _load_full(turns[pair], plan.angle[step, begin : begin + lanes], matrix[0]):
                    sweep(source, target, matrix[0], norm, 1 << (qubits - 1 - p), 1 << (qubits - 1 - q))
                    source, target = target, source
                for w in range(lanes):
                    gather(turns[pair], w, waiting[p], waiting[q], plan.angle[step, begin + w])
                busy[pair] = True
                continue
            # a window on two qubits, or the end: the ZZ turns of its qubits with others come first
            end = step == len(plan.steps)
            a, b = (-1, -1) if end else (plan.steps[step, 1], plan.steps[step, 2])
            for pair in range(len(ends)):
                p, q = ends[pair]
                touched = end or p in (a, b) or q in (a, b)
                own = (p == a and q == b) or (p == b and q == a)
                if busy[pair] and touched and not own:
                    _load_exchange(turns[pair], False, matrix[0])
                    sweep(source, target, matrix[0], norm, 1 << (qubits - 1 - p), 1 << (qubits - 1 - q))
                    source, target = target, source
                    turns[pair], busy[pair] = 0.0, False
            while True:
                if end:
                    a, b = _two_due(due)
                    if a < 0:
                        break
                # matrix 3 is the ZZ of the pair, 0 all together: window x pending x ZZ
                own_pair = _between(ends, a, b)
                if own_pair >= 0:
                    _load_exchange(turns[own_pair], ends[own_pair, 0] != a, matrix[3])
                    turns[own_pair], busy[own_pair] = 0.0, False
                else:
                    _load_identity(matrix[3])
                _load_pending(waiting[a], waiting[b], matrix[1])
                sweep(matrix[3], matrix[2], matrix[1], norm, 8, 4)
                _load_windows(step, begin, lanes, chosen, a, b, plan, two, fate, matrix[1])
                sweep(matrix[2], matrix[0], matrix[1], norm, 8, 4)
                sweep(source, target, matrix[0], norm, 1 << (qubits - 1 - a), 1 << (qubits - 1 - b))
                where = np.array([[a, b], [1 << (qubits - 1 - a), 1 << (qubits - 1 - b)], [0, 0]])
                for w in range(lanes):
                    if norm[w] < fate.limit[chosen[begin + w]]:
                        where[2, 0], where[2, 1] = since[a, w], since[b, w]
                        state = _column(source, w, matrix[3], where)
                        replay(state, begin + w, chosen[begin + w], step, where, plan, idling, one, two, fate)
                        for place in range(size):
                            target[32 * place + w], target[32 * place + 16 + w] = state[place].real, state[place].imag
                source, target = target, source
                for w in range(16):
                    since[a, w] = since[b, w] = step + 1
                due[a] = due[b] = False
                _identity(waiting[a : a + 1])
                _identity(waiting[b : b + 1])
                if not end:
                    break
        for w in range(lanes):
            for place in range(size):
                states[chosen[begin + w], place] = np.complex64(source[32 * place + w] + 1j * source[32 * place + 16 + w])


@compiled()
def _identity(waiting: Complex) -> None:
    for q in range(len(waiting)):
        for w in range(16):
            waiting[q, 0, w] = waiting[q, 3, w] = 1.0
            waiting[q, 1, w] = waiting[q, 2, w] = 0.0


@compiled()
def _wait(
    waiting: Complex,
    since: Index,
    step: int,
    begin: int,
    lanes: int,
    chosen: Index,
    plan: Steps,
    idling: Idling,
    one: Windows,
    fate: Fate,
) -> None:
    """Multiply what is pending on a qubit by a step on it alone."""
    qubit = plan.steps[step, 1]
    for w in range(lanes):
        lane, row = chosen[begin + w], plan.entry[step, begin + w]
        if fate.leaked[lane] >> qubit & 1:
            # a leaked qubit takes no part until it relaxes
            if plan.steps[step, 0] == IDLE and idling.seeping[row] > 0.0 and uniform(fate.draws, lane) < idling.seeping[row]:
                fate.leaked[lane] ^= 1 << qubit
                since[qubit, w] = step + 1
        elif plan.steps[step, 0] == IDLE:
            if idling.kick[row] > 0.0:
                plan.angle[step, begin + w] += idling.kick[row] if uniform(fate.draws, lane) < 0.5 else -idling.kick[row]
            turn_phase(waiting[qubit], w, idling.damping[row, 0], idling.damping[row, 1], plan.angle[step, begin + w])
        else:
            multiply(waiting[qubit], w, one.keep[row], plan.shift[step, begin + w])


@compiled()
def _load_identity(block: Block) -> None:
    for entry in range(16):
        for w in range(16):
            block[32 * entry + w] = 1.0 if entry % 5 == 0 else 0.0
            block[32 * entry + 16 + w] = 0.0


@compiled()
def _load(block: Block, w: int, matrix: Complex, swapped: bool) -> None:
    for i in range(4):
        for j in range(4):
            k, m = ((i >> 1) + 2 * (i & 1), (j >> 1) + 2 * (j & 1)) if swapped else (i, j)
            place = 32 * (4 * i + j) + w
            block[place], block[place + 16] = matrix[k, m].real, matrix[k, m].imag


@compiled()
def _load_exchange(turns: Real, swapped: bool, block: Block) -> None:
    number, scratch = np.empty((4, 4), np.complex128), np.empty((3, 3), np.complex128)
    for w in range(16):
        exchange(turns, w, number, scratch)
        _load(block, w, number, swapped)


@compiled()
def _load_full(turns: Real, angle: Real, block: Block) -> bool:
    """Take out what lanes have gathered too much of to take more; whether there are such."""
    found = False
    for w in range(len(angle)):
        size = length(turns, w)
        if size > 0.0 and size + abs(angle[w] / 4) > _MOST_TURN:
            if not found:
                _load_identity(block)
                found = True
            number = np.empty((4, 4), np.complex128)
            exchange(turns, w, number, np.empty((3, 3), np.complex128))
            _load(block, w, number, False)
            for entry in range(9):
                turns[entry, w] = 0.0
    return found


@compiled()
def _load_pending(first: Complex, second: Complex, block: Block) -> None:
    for i in range(4):
        for j in range(4):
            left, right = 2 * (i >> 1) + (j >> 1), 2 * (i & 1) + (j & 1)
            for w in range(16):
                value = first[left, w] * second[right, w]
                block[32 * (4 * i + j) + w], block[32 * (4 * i + j) + 16 + w] = value.real, value.imag


@compiled()
def _load_windows(
    step: int, begin: int, lanes: int, chosen: Index, a: int, b: int, plan: Steps, two: Windows, fate: Fate, block: Block
) -> None:
    """The window on two qubits in each lane; none at the end, and none where a qubit has leaked."""
    _load_identity(block)
    if step == len(plan.steps):
        return
    for w in range(lanes):
        if not fate.leaked[chosen[begin + w]] & ((1 << a) | (1 << b)):
            _load(block, w, two.keep[plan.entry[step, begin + w]], False)


@compiled()
def _between(ends: Index, a: int, b: int) -> int:
    for pair in range(len(ends)):
        if (ends[pair, 0] == a and ends[pair, 1] == b) or (ends[pair, 0] == b and ends[pair, 1] == a):
            return pair
    return -1


@compiled()
def _two_due(due: NDArray[np.bool_]) -> tuple[int, int]:
    """A qubit that is due, and another, due if possible; -1 if none is."""
    for a in range(len(due)):
        if due[a]:
            for b in range(a + 1, len(due)):
                if due[b]:
                    return a, b
            return a, (1 if a == 0 else 0)
    return -1, -1


@compiled()
def _column(source: Block, w: int, exchanged: Block, where: Index) -> Complex:
    """One lane's state, its pair's ZZ played."""
    state = np.empty(len(source) // 32, np.complex128)
    for place in range(len(state)):
        state[place] = source[32 * place + w] + 1j * source[32 * place + 16 + w]
    matrix = np.empty((4, 4), np.complex128)
    for i in range(4):
        for j in range(4):
            matrix[i, j] = exchanged[32 * (4 * i + j) + w] + 1j * exchanged[32 * (4 * i + j) + 16 + w]
    apply_two(state, where[1, 0], where[1, 1], matrix)
    return state


@compiled()
def draw_bits(states: NDArray[np.complex64], lanes: Index, shots: Index, draws: NDArray[np.uint64]) -> Index:
    """Draw all bits of shots, position 0 the most significant.

    Args:
        states: ``complex64[lanes, 2**qubits]``.
        lanes: ``int[shots]``, ascending: the lane of each shot.
        shots: ``int[shots]``, which stream of ``draws`` each takes.
        draws: Random streams of all shots.
    """
    out = np.zeros(len(shots), np.int64)
    size = states.shape[1]
    heap = np.zeros(size)
    known = -1
    for number in range(len(shots)):
        lane = lanes[number]
        if lane != known:
            total = 0.0
            for place in range(size):
                value = states[lane, place]
                total += np.float64(value.real) ** 2 + np.float64(value.imag) ** 2
                heap[place] = total
            known = lane
        aim = uniform(draws, shots[number]) * heap[size - 1]
        low, high = 0, size - 1
        while low < high:
            middle = (low + high) // 2
            if heap[middle] < aim:
                low = middle + 1
            else:
                high = middle
        out[number] = low
    return out
