"""Events of a straight block, sorted into actions: what acts together, on which qubits, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, Operation
from qpu_emulator.jit import compiled

Index = NDArray[np.int64]

Kind = Literal["cross", "drive", "driven_flux", "flux", "readout"]
"""Drives across a static pair (cross-resonance); pulses on one transmon; a flux pulse that meets drives of its own pair; one on a
coupler alone; a measurement."""

KINDS: tuple[Kind, ...] = ("cross", "drive", "driven_flux", "flux", "readout")
CROSS, DRIVE, DRIVEN_FLUX, FLUX, READOUT = range(5)
"""Their numbers: in this order come those that begin at one tick."""

_CAPTURE = int(Operation.CAPTURE)
_KIND, _WHERE, _FIRST, _LAST, _START, _STOP, _ALIKE, _ROWS = range(8)


class Action(NamedTuple):
    """Events that overlap in time on the same qubits: one window, or one measurement.

    Attributes:
        kind: What the events are.
        where: Index of the qubit, of the coupler (cross and both of flux), or of the resonator.
        qubits: On which qubits.
        start: Ticks since the start of the block, when the first arrives at the chip.
        stop: End, ticks.
        events: Rows of `Schedule.events`; of drives the one that gives the frame comes first, a flux pulse last.
    """

    kind: Kind
    where: int
    qubits: tuple[int, ...]
    start: int
    stop: int
    events: tuple[int, ...]


class Actions(Sequence[Action]):
    """Actions of a block, in order of start.

    Args:
        table: ``int[actions, 8]``: kind, where, first and last qubit, start, stop, the first action with the same window (it may
            be itself), and its first place in ``rows``.
        rows: ``int[events]``, rows of `Schedule.events`, those of one action after those of the other.
    """

    def __init__(self, table: Index, rows: Index) -> None:
        self._table, self._rows = table, rows
        self.kinds, self.where, self.alike = table[:, _KIND], table[:, _WHERE], table[:, _ALIKE]
        self.qubits, self.ticks = table[:, _FIRST : _LAST + 1], table[:, _START : _STOP + 1]
        self.first = rows[table[:, _ROWS]]

    @classmethod
    def of(cls, actions: Sequence[Action], events: NDArray[np.void]) -> Actions:
        """Actions that were found one by one, in order."""
        table, rows = np.empty((len(actions), 8), np.int64), list[int]()
        for number, (kind, where, qubits, start, stop, own) in enumerate(actions):
            table[number] = KINDS.index(kind), where, qubits[0], qubits[-1], start, stop, number, len(rows)
            rows += own
        listed = np.array(rows, np.int64)
        _compare(table, listed, events)
        return cls(table, listed)

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, number: int) -> Action: ...
    @overload
    def __getitem__(self, number: slice) -> list[Action]: ...
    def __getitem__(self, number: int | slice) -> Action | list[Action]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        kind, where, first, last, start, stop, _, begin = self._table[number].tolist()
        end = self._table[number + 1, _ROWS] if number + 1 < len(self) else len(self._rows)
        qubits = (first,) if first == last else (first, last)
        return Action(KINDS[kind], where, qubits, start, stop, tuple(self._rows[begin:end].tolist()))


@compiled()
def sort(
    events: Any,
    first: int,
    last: int,
    target: Index,
    targets: Index,
    delays: Index,
    alone: bool,
    duration: int,
) -> tuple[Index, Index, bool]:
    """Sort the events of a block: those that overlap on one target are one action.

    Args:
        events: `Schedule.events`.
        first: Of the block.
        last: Behind its last event.
        target: ``int[events]``, what each event acts on.
        targets: ``int[targets, 4]``: kind, where, first and last qubit of each; ascending in kind and where.
        delays: ``int[ports]``, by how many ticks each line delays pulses.
        alone: Whether each drive stays an action of its own.
        duration: Of the block, ticks.

    Returns:
        What `Actions` wants, and whether that is not all: some measurements that nobody captures, actions that meet on a qubit,
        or that arrive after the block.
    """
    size = last - first
    begin, arriving = np.empty(size, np.int64), np.arange(size)
    for place in range(size):
        event = events[first + place]
        begin[place] = event.start + (delays[event.port] if targets[target[first + place], _KIND] != READOUT else 0)
    if delays.any():
        arriving = np.argsort(begin, kind="mergesort")
    # in the order of arrival, with the target in the place of what is alike
    found, member, read, count = np.empty((size, 8), np.int64), np.empty(size, np.int64), np.zeros(size, np.bool_), 0
    latest = np.full(len(targets), -1)
    for event in arriving:
        where, start = target[first + event], begin[event]
        stop, group = start + events[first + event].duration, latest[where]
        kind = targets[where, _KIND]
        if group >= 0 and found[group, _STOP] > start and not (alone and kind == DRIVE):
            found[group, _STOP] = max(found[group, _STOP], stop)
        else:
            group = latest[where] = count
            found[group, :_START] = targets[where]
            found[group, _START], found[group, _STOP], found[group, _ALIKE] = start, stop, where
            count += 1
        member[event] = group
        read[group] |= events[first + event].operation == _CAPTURE
    # what begins at one tick by its target
    order = np.arange(count)
    for place in range(1, count):
        free: int = place
        one = order[place]
        while free and _comes_first(found[one], found[order[free - 1]]):
            order[free] = order[free - 1]
            free -= 1
        order[free] = one
    table, special, busy = np.empty((count, 8), np.int64), False, np.zeros(len(targets), np.int64)
    number, rows = np.empty(count, np.int64), np.empty(size, np.int64)
    for place in range(count):
        one = found[order[place]]
        table[place], table[place, _ROWS], number[order[place]] = one, 0, place
        special |= one[_STOP] > duration if one[_KIND] != READOUT else not read[order[place]]
        special |= busy[one[_FIRST]] > one[_START] or busy[one[_LAST]] > one[_START]
        busy[one[_FIRST]] = busy[one[_LAST]] = one[_STOP]
    for place in range(size):
        table[number[member[place]], _ROWS] += 1
    behind = 0
    for place in range(count):
        behind += table[place, _ROWS]
        table[place, _ROWS] = behind - table[place, _ROWS]
    filled = table[:, _ROWS].copy()
    for place in range(size):
        own = number[member[place]]
        rows[filled[own]] = first + place
        filled[own] += 1
    _compare(table, rows, events)
    return table, rows, special


@compiled()
def _comes_first(one: Index, other: Index) -> bool:
    """Whether an action comes before another that was found earlier, with targets in the place of what is alike."""
    earlier = one[_START] < other[_START]
    return bool(earlier or (one[_START] == other[_START] and one[_ALIKE] < other[_ALIKE]))


@compiled()
def _compare(table: Index, rows: Index, events: Any) -> None:
    """Write into the table of actions which of them have the same window: single plays with the same numbers."""
    before, latest = np.empty(len(table), np.int64), np.full(table[:, _FIRST].max() + 1 if len(table) else 0, -1)
    for number in range(len(table)):
        kind, where, qubit, begin = table[number, _KIND], table[number, _WHERE], table[number, _FIRST], table[number, _ROWS]
        end = table[number + 1, _ROWS] if number + 1 < len(table) else len(rows)
        event = events[rows[begin]]
        table[number, _ALIKE] = number
        if kind == READOUT or end - begin > 1 or event.amplitude_slot != NONE or event.frequency_slot != NONE:
            continue
        known = latest[qubit]
        while known >= 0:
            other = events[rows[table[known, _ROWS]]]
            shape = other.port == event.port and other.waveform == event.waveform
            strength = other.amplitude == event.amplitude and other.frequency == event.frequency
            if shape and strength and table[known, _KIND] == kind and table[known, _WHERE] == where:
                break
            known = before[known]
        if known >= 0:
            table[number, _ALIKE] = known
        else:
            before[number], latest[qubit] = latest[qubit], number
