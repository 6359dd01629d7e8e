"""Plays steps on pure states: sixteen trajectories side by side, one pass over their states per window on two qubits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import ONE, TWO, ZZ
from qpu_emulator.engines.jumps import Fate, Idling, Steps, Windows, apply_two, reduced, replay
from qpu_emulator.engines.pending import exchange, find, forget, gather, load, tabled, take_full, together, wait
from qpu_emulator.engines.pure import Block, sweep
from qpu_emulator.engines.vectors import aligned
from qpu_emulator.jit import compiled
from qpu_emulator.stream import uniform

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]
Real = NDArray[np.float64]


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
    stride = 1 << np.arange(qubits - 1, -1, -1)
    source, target = aligned(32 * size, np.float32), aligned(32 * size, np.float32)
    # what a pass plays: ZZ turns, then the window; and the parts of the window's matrix
    matrices, strides = aligned((1 + len(ends)) * 512, np.float32), np.zeros((1 + len(ends), 2), np.int64)
    exchanged, pending, both = aligned(512, np.float32), aligned(512, np.float32), aligned(512, np.float32)
    inner = np.array([[8, 4]])
    norm, scratch = np.zeros(16), np.zeros(336)
    waiting, turns = np.zeros((qubits, 128)), np.zeros((len(ends), 144))
    busy, due = np.zeros(len(ends), np.bool_), np.zeros(qubits, np.bool_)
    since, angle = np.zeros((qubits, 16), np.int64), np.zeros(16)
    nowhere, nothing, row = plan.entry[0, :0], np.full(16, np.uint64(len(two.keep))), np.zeros(16, np.uint64)
    idle_rows, one_rows, two_rows = np.ones((len(idling.kick) + 1, 3)), tabled(one.keep, 2), tabled(two.keep, 4)
    idle_rows[:-1, :2], idle_rows[:-1, 2], idle_rows[-1, 2] = idling.damping, idling.kick, 0.0
    for begin in range(0, len(chosen), 16):
        here = chosen[begin : begin + 16]
        lanes, own = len(here), Fate(fate.limit[here], fate.leaked[here], fate.draws[here])
        _read(states, here, source)
        due[:], busy[:], turns[:], since[:] = False, False, 0.0, 0
        for q in range(qubits):
            forget(waiting[q])
        for step in range(len(plan.steps) + 1):
            kind = TWO if step == len(plan.steps) else plan.steps[step, 0]
            if kind <= ONE:
                q = plan.steps[step, 1]
                wait(waiting[q], since[q], step, begin, plan, idling, idle_rows, one_rows, own, row, scratch)
                due[q] = True
                continue
            if kind == ZZ:
                pair = plan.pair[step]
                p, q = ends[pair]
                angle[:lanes] = plan.angle[step, begin : begin + lanes]
                if take_full(turns[pair], angle, exchanged, scratch):
                    strides[0, 0], strides[0, 1] = stride[p], stride[q]
                    sweep(source, target, exchanged, strides[:1], norm)
                    source, target = target, source
                gather(turns[pair], waiting[p], waiting[q], angle)
                busy[pair] = True
                continue
            # a window on two qubits, or the end
            end = step == len(plan.steps)
            a, b = (-1, -1) if end else (plan.steps[step, 1], plan.steps[step, 2])
            while True:
                if end:
                    a, b = _left(ends, busy, due)
                    if a < 0:
                        break
                # the ZZ turns of its qubits with others come first
                count, same = 0, -1
                for pair in range(len(ends)):
                    p, q = ends[pair]
                    if (p == a and q == b) or (p == b and q == a):
                        same = pair
                    elif busy[pair] and (p in (a, b) or q in (a, b)):
                        exchange(turns[pair], False, matrices[512 * count : 512 * (count + 1)], scratch)
                        strides[count, 0], strides[count, 1] = stride[p], stride[q]
                        turns[pair], busy[pair] = 0.0, False
                        count += 1
                # its matrix: window x pending x its own ZZ
                if same >= 0:
                    exchange(turns[same], ends[same, 0] != a, exchanged, scratch)
                    turns[same], busy[same] = 0.0, False
                else:
                    load(two_rows, nothing, exchanged)
                together(waiting[a], waiting[b], pending)
                sweep(exchanged, both, pending, inner, norm)
                entry = plan.entry[step, begin : begin + lanes] if not end else nowhere
                find(row, entry, own.leaked, 1 << a | 1 << b, len(two.keep))
                load(two_rows, row, pending)
                sweep(both, matrices[512 * count : 512 * (count + 1)], pending, inner, norm)
                strides[count, 0], strides[count, 1] = stride[a], stride[b]
                sweep(source, target, matrices, strides[: count + 1], norm)
                for w in range(lanes):
                    if norm[w] < own.limit[w]:
                        state = _column(source, w)
                        for number in range(count):
                            _apply(state, w, matrices[512 * number : 512 * (number + 1)], strides[number])
                        _apply(state, w, exchanged, strides[count])
                        where = np.array([[a, b], [since[a, w], since[b, w]]])
                        rho = reduced(state, stride[a], stride[b])
                        acted = replay(rho, begin + w, w, step, where, plan, idling, one, two, own)
                        apply_two(state, stride[a], stride[b], acted)
                        for place in range(size):
                            target[32 * place + w], target[32 * place + 16 + w] = state[place].real, state[place].imag
                source, target = target, source
                since[a], since[b] = step + 1, step + 1
                due[a] = due[b] = False
                forget(waiting[a])
                forget(waiting[b])
                if not end:
                    break
        _write(states, here, source)
        fate.limit[here], fate.leaked[here], fate.draws[here] = own.limit, own.leaked, own.draws


@compiled()
def _read(states: NDArray[np.complex64], lanes: Index, block: Block) -> None:
    for place in range(states.shape[1]):
        for w in range(len(lanes)):
            value = states[lanes[w], place]
            block[32 * place + w], block[32 * place + 16 + w] = value.real, value.imag


@compiled()
def _write(states: NDArray[np.complex64], lanes: Index, block: Block) -> None:
    for place in range(states.shape[1]):
        for w in range(len(lanes)):
            states[lanes[w], place] = np.complex64(block[32 * place + w] + 1j * block[32 * place + 16 + w])


@compiled()
def _left(ends: Index, busy: NDArray[np.bool_], due: NDArray[np.bool_]) -> tuple[int, int]:
    """Two qubits with something left to play, a pair if possible; -1 if there are none."""
    for pair in range(len(ends)):
        if busy[pair]:
            return ends[pair, 0], ends[pair, 1]
    for a in range(len(due)):
        if due[a]:
            for b in range(a + 1, len(due)):
                if due[b]:
                    return a, b
            return a, (1 if a == 0 else 0)
    return -1, -1


@compiled()
def _column(block: Block, w: int) -> Complex:
    """One lane's state."""
    state = np.empty(len(block) // 32, np.complex128)
    for place in range(len(state)):
        state[place] = block[32 * place + w] + 1j * block[32 * place + 16 + w]
    return state


@compiled()
def _apply(state: Complex, w: int, block: Block, strides: Index) -> None:
    """Multiply two qubits by one lane's matrix."""
    apply_two(state, strides[0], strides[1], _column(block, w).reshape(4, 4))


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
