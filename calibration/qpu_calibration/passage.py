"""Passages: gates in a row, laid as arrays; one by one, a sequence of a thousand would take longer to write than to play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule import NONE, SlotKind, Waveform
from qpu_calibration.axis import Values
from qpu_calibration.ink import Ink, Number

Index = NDArray[np.int64]


class Stroke(NamedTuple):
    """A pulse of a gate.

    Attributes:
        key: Its carrier.
        shape: Envelope.
        level: Amplitude.
        axis: Added to the carrier's phase, rad.
        start: Ticks after the gate begins.
    """

    key: str
    shape: Waveform
    level: Number
    axis: Number
    start: int


class Stamp(NamedTuple):
    """A gate on a target.

    Attributes:
        keys: Carriers whose lines it has.
        strokes: What it plays.
        duration: Ticks.
        turns: Qubits and the virtual Z after it, rad.
    """

    keys: Sequence[str]
    strokes: Sequence[Stroke]
    duration: int
    turns: Sequence[tuple[int, float]]


NOTHING = Stamp((), (), 0, ())


@dataclass(frozen=True)
class Voice:
    """What one target has in a passage.

    Attributes:
        stamps: Gates that occur.
        lines: Line -> a carrier on it.
        extents: Of each gate, line -> ticks for which it has it.
        angles: ``float[moves or 1, rows or 1]``, by which the axes of their pulses are turned, rad.
        phases: Carrier -> its phase at each move, ``float[moves or 1, rows or 1]``, rad.
    """

    stamps: Sequence[Stamp]
    lines: Mapping[str, str]
    extents: Sequence[Mapping[str, int]]
    angles: Values
    phases: Mapping[str, Values]


class Passage:
    """Moves of all targets: what as many calls of `Page.gate` would write.

    Args:
        order: ``int[moves]``, which gates come one after the other; below 0 for a move that takes no time.
        voices: Of each target.
        rows: Of the table.
        in_turn: Whether all moves of a target are written before those of the next, which no device can tell.
    """

    def __init__(self, order: Index, voices: Sequence[Voice], rows: int, *, in_turn: bool = False) -> None:
        self._order, self._voices = order, voices
        self._keys: dict[str, int] = {}
        self._shapes: dict[Waveform, int] = {}
        moves = [np.flatnonzero(order == number) for number in range(max(len(voice.stamps) for voice in voices))]
        parts = list(self._parts(voices, moves))
        counts = [len(at) for _, at, _, _ in parts]
        plays, numbers, first = np.empty((sum(counts), 5), np.int64), np.empty((sum(counts), 2, rows)), 0
        for (one, at, level, phase), count in zip(parts, counts, strict=True):
            here = slice(first, first := first + count)
            plays[here, 0], plays[here, 1:] = at, one
            numbers[here, 0], numbers[here, 1] = level, phase
        sequence = np.lexsort((plays[:, 0], plays[:, 1])) if in_turn else np.argsort(plays[:, 0], kind="stable")
        self._plays, self._numbers = plays[sequence], numbers[sequence]

    def _parts(self, voices: Sequence[Voice], moves: Sequence[Index]) -> Iterator[tuple[tuple[int, ...], Index, Number, Values]]:
        """Each pulse of each gate: its voice, carrier, envelope and ticks after the gate begins; moves, amplitudes, phases."""
        for place, voice in enumerate(voices):
            for stamp, at in zip(voice.stamps, moves, strict=True):
                for stroke in stamp.strokes:
                    key = self._keys.setdefault(stroke.key, len(self._keys))
                    shape = self._shapes.setdefault(stroke.shape, len(self._shapes))
                    phase = _at(voice.phases[stroke.key], at) + stroke.axis + _at(voice.angles, at)
                    yield (place, key, shape, stroke.start), at, stroke.level, phase

    def write(self, ink: Ink) -> None:
        """Write all of it."""
        begun, ends = [], []
        for voice in self._voices:
            frames = {line: ink.frames[key] for line, key in voice.lines.items()}
            free = {line: ink.build.now(frame) for line, frame in frames.items()}
            begun.append(begins(self._order, voice.extents, free))
            ends += [(frame, free[line]) for line, frame in frames.items()]
        moves, voices, keys, shapes, starts = self._plays.T
        differs = (self._numbers != self._numbers[:, :, :1]).any(axis=2)
        slots = np.full(differs.shape, NONE)
        if differs.any():
            slots[differs] = ink.slots((SlotKind.AMPLITUDE, SlotKind.PHASE), differs, self._numbers)
        ink.build.play_many(
            np.array([ink.frames[key] for key in self._keys])[keys],
            list(self._shapes),
            shapes,
            np.where(differs[:, 0], 1.0, self._numbers[:, 0, 0]),
            self._numbers[:, 1, 0],
            slots[:, 0],
            slots[:, 1],
            np.array(begun)[voices, moves] + starts,
        )
        for frame, ticks in ends:
            ink.build.delay(frame, ticks - ink.build.now(frame))


def begins(order: Index, extents: Sequence[Mapping[str, int]], free: dict[str, int]) -> Index:
    """Ticks at which moves begin, ``int[moves]``, each as soon as all its lines are free; 0 for what takes no time.

    Args:
        order: As of `Passage`.
        extents: As of `Voice`.
        free: Line -> tick at which it is free; moved to the end of all moves.
    """
    found, gates = np.zeros(len(order), np.int64), np.flatnonzero(order >= 0)
    if len(free) == 1 and len(gates):
        ((line, now),) = free.items()
        ends = np.cumsum(np.array([lasts.get(line, 0) for lasts in extents])[order[gates]])
        found[gates[0]], found[gates[1:]] = now, now + ends[:-1]
        free[line] = now + int(ends[-1])
        return found
    ticks, lasting = [], [tuple(lines.items()) for lines in extents]
    for number in order[gates].tolist():
        lines = lasting[number]
        begin = free[lines[0][0]]
        for line, _ in lines[1:]:
            begin = max(begin, free[line])
        for line, lasts in lines:
            free[line] = begin + lasts
        ticks.append(begin)
    found[gates] = ticks
    return found


def turned(phase: Number, angles: Values) -> tuple[Values, Number]:
    """The phase of a carrier at each move, and after the last.

    Args:
        phase: Before all, rad.
        angles: ``float[moves, turns, rows or 1]``, the virtual Z of each move one after the other, rad.
    """
    moves, turns, width = angles.shape
    width = max(np.size(phase), width)
    found = np.empty((1 + moves * turns, width))
    found[0], found[1:] = phase, angles.reshape(moves * turns, -1)
    # one by one, as they are written: sums in another order differ in their last digits
    np.subtract.accumulate(found, axis=0, out=found)
    return found[:-1:turns], float(found[-1, 0]) if width == 1 else found[-1]


def _at(numbers: Values, moves: Index) -> Values:
    return numbers if len(numbers) == 1 else numbers[moves]
