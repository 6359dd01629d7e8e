"""Timelines: from windows in time to steps of an engine, with the idle time, virtual Z and ZZ due before each of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO, ZZ, Index
from qpu_emulator.jit import compiled

FINAL, BETWEEN, END = 4, 5, 6
"""Kinds of actions that are no windows: the last measurement of a qubit, one on the way, the end of a block."""

_TAU = 2 * np.pi


class Steps(NamedTuple):
    """Steps of all clusters, in playing order.

    Virtual Z and shares of windows stand in tables with two rows per action, ``2 * action + 1`` for its first qubit; the end of a
    block is the last action, with a row for each qubit. Row 0 is for none. A step turns by what it owes, ``+ table[now] -
    table[then]``.

    Attributes:
        places: ``int[steps, 7]``: kind of the engine; positions of the qubit and of the other one (the same if there is none);
            whose window it is, -1 for other steps; ``now``, the row of what follows; ``then``, that of the last window on the
            qubit; ``late``, that of the last window whose detuning acts partly after it.
        numbers: ``float[steps, 4]``: idle time in s that relaxes; time in s over which the qubit's detuning acts, without the
            shares; turn in rad that all lanes share; how fast it grows with a stretch of the block, rad/s, nan for steps that
            do not last until its end.
    """

    places: Index
    numbers: NDArray[np.float64]


class Timeline:
    """What is due on the qubits of a straight block since their last step, times in s since the start of the block.

    Args:
        qubits: How many.
        pairs: ``int[pairs, 2]``, positions of qubits with an idle ZZ.
        zz: ``float[pairs]`` in Hz.
    """

    def __init__(self, qubits: int, pairs: Index, zz: NDArray[np.float64]) -> None:
        self._pairs, self._zz = pairs, zz
        # relaxed until, noisy until, turn owed, growth of that turn
        self._due = np.zeros((qubits, 4))
        # rows of the last window, and of the last one that acts later; whether a qubit is done
        self._rows = np.zeros((qubits, 3), np.int64)
        self._coupled = np.zeros(len(pairs))

    def lay(self, actions: Index, ticks: Index, tick: float, late: NDArray[np.float64], *, stretched: bool) -> Steps:
        """Steps of some actions, in order of their start.

        Args:
            actions: ``int[actions, 4]``: kind, positions of one or two qubits, of which pair the window is (-1 for none).
            ticks: ``int[actions, 2]``, start and stop.
            tick: s.
            late: ``float[rows, lanes or 1]``, time in s that a detuning acts after windows on two qubits.
            stretched: Whether the end of the block differs from row to row.
        """
        own = self._pairs, self._zz, self._due, self._rows, self._coupled
        return Steps(*_lay(actions, ticks, tick, late, *own, stretched))


@compiled()
def _lay(
    actions: NDArray[np.int64],
    ticks: NDArray[np.int64],
    tick: float,
    shares: NDArray[np.float64],
    pairs: NDArray[np.int64],
    zz: NDArray[np.float64],
    due: NDArray[np.float64],
    rows: NDArray[np.int64],
    coupled: NDArray[np.float64],
    stretched: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    # rows whose late share differs from lane to lane
    apart = np.zeros(len(shares), np.bool_)
    for row in range(len(shares)):
        for lane in range(1, shares.shape[1]):
            apart[row] |= shares[row, lane] != shares[row, 0]
    first_of, listed = _lists(pairs, len(due))
    most, near = 2 * len(actions) + len(pairs) + 2 * len(due), np.arange(len(pairs))
    for action in range(len(actions)):
        if actions[action, 0] != END:
            most += _near(actions[action], first_of, listed, near)
        if actions[action, 0] in (TWO, BETWEEN):
            most += 1 + len(due)
    steps, numbers = np.zeros((most, 7), np.int64), np.zeros((most, 4))
    count = 0
    for action in range(len(actions)):
        kind, first, second, own = actions[action]
        start, stop = ticks[action, 0] * tick, ticks[action, 1] * tick
        middle = (start + stop) / 2 if kind in (ONE, TWO, BETWEEN) else start
        for place in range(len(pairs) if kind == END else _near(actions[action], first_of, listed, near)):
            pair = place if kind == END else near[place]
            left, right = pairs[pair]
            if rows[left, 2] or rows[right, 2]:
                continue
            # a pair's own window has its ZZ inside
            turn = _TAU * zz[pair] * ((start if pair == own else middle) - coupled[pair])
            coupled[pair] = stop if pair == own else middle
            if turn == 0.0 and not (stretched and kind == END):
                continue
            growth = _TAU * zz[pair] if kind == END else np.nan
            _put(steps[count], numbers[count], ZZ, left, right, -1, 0, 0, 0, 0.0, 0.0, turn, growth)
            count += 1
            for qubit in (left, right):
                due[qubit, 2] += turn / 2
                due[qubit, 3] += growth / 2 if kind == END else 0.0
        for place in range(len(due) if kind == END else 2 if kind == TWO else 1):
            qubit = place if kind == END else second if place else first
            if rows[qubit, 2]:
                continue
            now = 2 * action + 1 + place
            growth = due[qubit, 3] if kind == END else np.nan
            then, late = rows[qubit, 0], rows[qubit, 1]
            seconds, noisy = start - due[qubit, 0], start - due[qubit, 1]
            _put(steps[count], numbers[count], IDLE, qubit, qubit, -1, now, then, late, seconds, noisy, due[qubit, 2], growth)
            count += 1
            due[qubit, 0], due[qubit, 1], due[qubit, 2] = stop, stop, 0.0
            rows[qubit, 0], rows[qubit, 1] = now if kind in (ONE, TWO) else 0, now if kind == TWO else 0
            if kind == FINAL:
                rows[qubit, 2] = 1
        if kind in (ONE, TWO):
            other, noisy = (first, stop - start) if kind == ONE else (second, 0.0)
            _put(steps[count], numbers[count], kind, first, other, action, 0, 0, 0, 0.0, noisy, 0.0, np.nan)
            count += 1
        elif kind == BETWEEN:
            # lanes are about to be split: what differs from lane to lane is played now
            for qubit in range(len(due)):
                then, late = rows[qubit, 0], rows[qubit, 1]
                if rows[qubit, 2] or not (then or due[qubit, 2] != 0.0 or apart[late]):
                    continue
                noisy = start - due[qubit, 1] if apart[late] else 0.0
                late = late if apart[late] else 0
                _put(steps[count], numbers[count], IDLE, qubit, qubit, -1, 0, then, late, 0.0, noisy, due[qubit, 2], np.nan)
                count += 1
                due[qubit, 2], rows[qubit, 0] = 0.0, 0
                if late:
                    due[qubit, 1], rows[qubit, 1] = start, 0
    for qubit in range(len(due)):
        # forget the rows of these actions, but for what still acts
        due[qubit, 1] -= shares[rows[qubit, 1], 0]
        rows[qubit, 0] = rows[qubit, 1] = 0
    return steps[:count], numbers[:count]


@compiled()
def _put(
    step: NDArray[np.int64],
    number: NDArray[np.float64],
    kind: int,
    first: int,
    second: int,
    action: int,
    now: int,
    then: int,
    late: int,
    seconds: float,
    noisy: float,
    angle: float,
    growth: float,
) -> None:
    """Write a row of what `Steps` holds."""
    step[0], step[1], step[2], step[3], step[4], step[5], step[6] = kind, first, second, action, now, then, late
    number[0], number[1], number[2], number[3] = seconds, noisy, angle, growth


@compiled()
def _lists(pairs: NDArray[np.int64], qubits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the pairs of each qubit begin in a list, and that list; those of one qubit ascend."""
    first = np.zeros(qubits + 1, np.int64)
    for pair in range(len(pairs)):
        for side in range(2):
            first[pairs[pair, side] + 1] += 1
    for qubit in range(qubits):
        first[qubit + 1] += first[qubit]
    free, listed = first.copy(), np.empty(2 * len(pairs), np.int64)
    for pair in range(len(pairs)):
        for side in range(2):
            listed[free[pairs[pair, side]]] = pair
            free[pairs[pair, side]] += 1
    return first, listed


@compiled()
def _near(action: NDArray[np.int64], first: NDArray[np.int64], listed: NDArray[np.int64], near: NDArray[np.int64]) -> int:
    """Write down which pairs an action is on, ascending; returns how many."""
    one, other = action[1], action[2] if action[0] == TWO else action[1]
    a, a_end, b, b_end = first[one], first[one + 1], first[other], first[other + 1]
    count = 0
    while a < a_end or b < b_end:
        if b == b_end or (a < a_end and listed[a] <= listed[b]):
            near[count] = listed[a]
            b += b < b_end and listed[b] == listed[a]
            a += 1
        else:
            near[count] = listed[b]
            b += 1
        count += 1
    return count
