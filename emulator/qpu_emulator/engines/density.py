"""The density-matrix engine: real vectors of `basis`, many lanes at a time so that every inner loop is long and contiguous.

A lane is one density matrix: a row of the table, a slice of the noise, a history of measured levels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO
from qpu_emulator.engines.vectors import (
    WIDTH,
    copy,
    expand,
    gather,
    multiply_2,
    multiply_3,
    multiply_4,
    multiply_9,
    phases_2,
    phases_3,
    room,
    spread,
    turn,
)
from qpu_emulator.jit import compiled
from qpu_emulator.stream import circle

_TURNS = 1 / (2 * np.pi)
_ROUNDING = 1e-17
"""What a window has below this is noise of its solution."""
_FORMS = 8
"""Windows on two qubits whose entries are kept without zeros."""


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
    single, size = levels * levels, states.shape[0]
    # a row for each idle time: its mixing by columns, what is left of coherences, cosine and sine of minus the turning
    waits, made = np.empty((len(mixing), single + fading.shape[1] + 2)), np.zeros(len(mixing), np.bool_)
    rho, matrix, held = room(size), room(single * single), room(single * single)
    weight, cosines, sines = room(waits.shape[1]), room(3), room(3)
    number, lane = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)
    delta, cosine, sine = room(len(steps)), room(len(steps)), room(len(steps))
    forms = _different(steps, index)
    known, count = np.full((forms, 3), -1), np.empty((forms, single * single), np.int64)
    which = np.empty((forms, single * single, single * single + 3), np.int64)
    factor = np.empty(which.shape)
    for first in range(0, len(chosen), WIDTH):
        for w in range(WIDTH):
            # a block that is not full has its last lane several times
            lane[w] = min(first + w, len(chosen) - 1)
        for i in range(size):
            for w in range(WIDTH):
                rho[i * WIDTH + w] = states[i, chosen[lane[w]]]
        for step in range(len(steps)):
            for w in range(WIDTH):
                delta[step * WIDTH + w] = shift[step, lane[w]]
                # an idle time multiplies the matrix of a window from the right, and so turns the other way round
                turns = -_TURNS if steps[step, 0] == IDLE else _TURNS / 2
                cosine[step * WIDTH + w] = turns * angle[step, lane[w]]
        for place in range(len(cosine)):
            cosine[place], sine[place] = circle(cosine[place])
        step = 0
        while step < len(steps):
            kind, place = steps[step, 0], steps[step, 1]
            stride = single ** (qubits - 1 - place)
            if kind in (IDLE, ONE):
                waited = step
                if kind == IDLE and step + 1 < len(steps) and steps[step + 1, 0] == ONE and steps[step + 1, 1] == place:
                    step += 1
                if steps[step, 0] == ONE:
                    _window(matrix, one, _numbers(index, step, lane, number), number, delta, step)
                else:
                    matrix[:] = 0.0
                    for i in range(single):
                        for w in range(WIDTH):
                            matrix[(single + 1) * i * WIDTH + w] = 1.0
                if kind == IDLE:
                    same = _numbers(index, waited, lane, number)
                    for w in range(1 if same else WIDTH):
                        if not made[number[w]]:
                            made[number[w]] = True
                            _idle(waits[number[w]], mixing[number[w]], fading[number[w]], turning[number[w]])
                    _fill(weight, waits, same, number)
                    _wait(matrix, weight, cosine, sine, waited, cosines, sines, levels)
                if levels == 2:
                    multiply_4(rho, matrix, size // (single * stride), single * stride, stride, stride)
                else:
                    multiply_9(rho, matrix, size // (single * stride), single * stride, stride, stride)
            elif kind == TWO:
                other = single ** (qubits - 1 - steps[step, 2])
                if _numbers(index, step, lane, number):
                    form = _form(known, count, which, factor, two, number[0], stride, other, single)
                    _two(rho, stride, other, single, count[form], which[form], factor[form], held)
                else:
                    _apart(rho, stride, other, single, number, two, held)
            else:
                _zz(rho, stride, single ** (qubits - 1 - steps[step, 2]), levels, cosine, sine, step)
            step += 1
        for i in range(size):
            for w in range(min(WIDTH, len(chosen) - first)):
                states[i, chosen[lane[w]]] = rho[i * WIDTH + w]


@compiled()
def _different(steps: NDArray[np.int32], index: NDArray[np.int32]) -> int:
    """How many different windows on two qubits there are in the first lane, up to as many as are kept."""
    seen, count = np.empty((_FORMS, 3), np.int64), 0
    for step in range(len(steps)):
        if steps[step, 0] != TWO or count == _FORMS:
            continue
        new = True
        for place in range(count):
            same = seen[place, 0] == index[step, 0] and seen[place, 1] == steps[step, 1] and seen[place, 2] == steps[step, 2]
            new = new and not same
        if new:
            seen[count] = index[step, 0], steps[step, 1], steps[step, 2]
            count += 1
    return count


@compiled()
def _idle(row: NDArray[np.float64], mixing: NDArray[np.float64], fading: NDArray[np.float64], turning: float) -> None:
    levels = len(mixing)
    for i in range(levels):
        for j in range(levels):
            row[j * levels + i] = mixing[i, j]
    for coherence in range(len(fading)):
        row[levels * levels + coherence] = fading[coherence]
    row[-2], row[-1] = np.cos(turning), -np.sin(turning)


@compiled()
def _numbers(index: NDArray[np.int32], step: int, lane: NDArray[np.int64], number: NDArray[np.int64]) -> bool:
    """Which window each lane of a block has in a step; whether all have the same."""
    same = True
    for w in range(WIDTH):
        number[w] = index[step, lane[w]]
        same = same and number[w] == number[0]
    return same


@compiled()
def _fill(block: NDArray[np.float64], table: NDArray[np.float64], same: bool, number: NDArray[np.int64]) -> None:
    """A row of a table for each lane."""
    if same:
        spread(block, table, number[0] * table.shape[1], table.shape[1])
        return
    for w in range(WIDTH):
        for i in range(table.shape[1]):
            block[i * WIDTH + w] = table[number[w], i]


@compiled()
def _window(
    matrix: NDArray[np.float64],
    one: NDArray[np.float64],
    same: bool,
    number: NDArray[np.int64],
    delta: NDArray[np.float64],
    step: int,
) -> None:
    """The matrix of a window on one qubit under each lane's detuning."""
    single = one.shape[2]
    if same:
        expand(matrix, one, 3 * number[0] * single * single, single * single, delta, step)
        return
    for w in range(WIDTH):
        n, x = number[w], delta[step * WIDTH + w]
        for i in range(single):
            for j in range(single):
                matrix[(i * single + j) * WIDTH + w] = one[n, 0, i, j] + x * (one[n, 1, i, j] + x * one[n, 2, i, j])


@compiled()
def _wait(
    matrix: NDArray[np.float64],
    weight: NDArray[np.float64],
    cosine: NDArray[np.float64],
    sine: NDArray[np.float64],
    step: int,
    cosines: NDArray[np.float64],
    sines: NDArray[np.float64],
    levels: int,
) -> None:
    """Let time pass before a window: multiply its matrix from the right."""
    single = levels * levels
    if levels == 2:
        multiply_2(matrix, weight, single, single, 1, 1)
        phases_2(weight, single, cosine, sine, step, cosines, sines)
    else:
        multiply_3(matrix, weight, single, single, 1, 1)
        phases_3(weight, single, cosine, sine, step, cosines, sines)
    for coherence in range((single - levels) // 2):
        for i in range(single):
            column = i * single + levels + 2 * coherence
            turn(matrix, cosines, sines, coherence, column, column + 1)


@compiled()
def _form(
    known: NDArray[np.int64],
    count: NDArray[np.int64],
    which: NDArray[np.int64],
    factor: NDArray[np.float64],
    two: NDArray[np.float64],
    number: int,
    stride: int,
    other: int,
    single: int,
) -> int:
    """Where what is not 0 of a window on two qubits is kept, row by row, filled up to fours; put there if it is not."""
    form = 0
    while form < len(known) - 1 and known[form, 0] >= 0:
        if known[form, 0] == number and known[form, 1] == stride and known[form, 2] == other:
            return form
        form += 1
    if known[form, 0] == number and known[form, 1] == stride and known[form, 2] == other:
        return form
    known[form] = number, stride, other
    for i in range(single * single):
        filled = 0
        for j in range(single * single):
            if abs(two[number, i, j]) > _ROUNDING:
                which[form, i, filled] = (j // single) * stride + (j % single) * other
                factor[form, i, filled] = two[number, i, j]
                filled += 1
        count[form, i] = (filled + 3) // 4
        for spare in range(filled, 4 * count[form, i]):
            which[form, i, spare], factor[form, i, spare] = 0, 0.0
    return form


@compiled()
def _two(
    rho: NDArray[np.float64],
    stride: int,
    other: int,
    single: int,
    count: NDArray[np.int64],
    which: NDArray[np.int64],
    factor: NDArray[np.float64],
    held: NDArray[np.float64],
) -> None:
    coarse, fine = max(stride, other), min(stride, other)
    for high in range(0, len(rho) // WIDTH, single * coarse):
        for middle in range(high, high + coarse, single * fine):
            for base in range(middle, middle + fine):
                for i in range(single * single):
                    gather(rho, base, which, factor, i * which.shape[1], count[i], held, i)
                for i in range(single * single):
                    copy(held, i, rho, base + (i // single) * stride + (i % single) * other)


@compiled()
def _apart(
    rho: NDArray[np.float64],
    stride: int,
    other: int,
    single: int,
    number: NDArray[np.int64],
    two: NDArray[np.float64],
    held: NDArray[np.float64],
) -> None:
    """The same where lanes have windows of their own."""
    coarse, fine = max(stride, other), min(stride, other)
    joint = single * single
    here = np.empty(joint)
    for high in range(0, len(rho) // WIDTH, single * coarse):
        for middle in range(high, high + coarse, single * fine):
            for base in range(middle, middle + fine):
                for w in range(WIDTH):
                    for j in range(joint):
                        here[j] = rho[(base + (j // single) * stride + (j % single) * other) * WIDTH + w]
                    for i in range(joint):
                        total = 0.0
                        for j in range(joint):
                            total += two[number[w], i, j] * here[j]
                        held[i * WIDTH + w] = total
                for i in range(joint):
                    copy(held, i, rho, base + (i // single) * stride + (i % single) * other)


@compiled()
def _zz(
    rho: NDArray[np.float64],
    stride: int,
    other: int,
    levels: int,
    cosine: NDArray[np.float64],
    sine: NDArray[np.float64],
    step: int,
) -> None:
    """``exp(-i turn/4 z z)``: coherences that flip z of one qubit turn with the sign of the other's z; level 2 counts as 1."""
    single = levels * levels
    coarse, fine = max(stride, other), min(stride, other)
    flips = levels - 1
    for high in range(0, len(rho) // WIDTH, single * coarse):
        for middle in range(high, high + coarse, single * fine):
            for base in range(middle, middle + fine):
                for swap in range(2):
                    moving, still = (stride, other) if swap == 0 else (other, stride)
                    for i in range(single):
                        if levels <= i < levels + 2 * flips:
                            continue
                        for flip in range(flips):
                            real = base + i * still + (levels + 2 * flip) * moving
                            first, second = (real + moving, real) if i == 0 else (real, real + moving)
                            turn(rho, cosine, sine, step, first, second)
