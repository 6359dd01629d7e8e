"""An envelope as what a sequencer plays: stored edges, and levels that are held without being stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Waveform
from qpu_drivers.qblox.hardware import SHORTEST

HELD = 64
"""Runs from this many samples on are held; shorter ones are stored."""
TAIL = 2 * SHORTEST
"""Samples stored at the end of a pulse, at least: an instruction, and behind it a wait from a register, which may be 0."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an envelope.

    Attributes:
        first: Sample at which it begins.
        samples: ``complex128``: what is stored and played; of a held level one number, zero behind the end.
        held: Whether it is a level.
    """

    first: int
    samples: NDArray[np.complex128]
    held: bool


def pieces(waveform: Waveform, free: Callable[[int], bool], end_free: bool, where: str) -> list[Piece]:
    """Cut an envelope into stored and held pieces.

    Every cut is a real-time instruction, at least 4 ns from the next; held samples are stored until there may be one.

    Args:
        waveform: The envelope.
        free: Whether an instruction may stand at a sample of it.
        end_free: Whether one may stand right behind its end, which is where a last held level ends.
        where: For the error.

    Raises:
        ScheduleError: If there is no room for the cuts.
    """
    edges = np.concatenate([[0], np.cumsum(waveform.repeats)])
    end = waveform.duration
    found: list[Piece] = []
    stored: NDArray[np.complex128] | None = None
    at = 0
    for run in np.flatnonzero(waveform.repeats >= HELD):
        first, last = int(edges[run]), int(edges[run + 1])
        start = first if first == at else max(first, at + SHORTEST)
        while start > 0 and start < last and not free(start):
            start += 1
        stop = end if last == end and end_free else min(last, end - TAIL)
        while stop < end and stop > start and not free(stop):
            stop -= 1
        if stop - start < SHORTEST:
            raise ScheduleError(
                "a pulse needs room for the instructions that hold its level", given="too many others", where=where
            )
        if start > at:
            stored = waveform.expand() if stored is None else stored
            found.append(Piece(at, stored[at:start], held=False))
        found.append(Piece(start, waveform.samples[run : run + 1], held=True))
        at = stop
    if at < end:
        stored = waveform.expand() if stored is None else stored
        found.append(Piece(at, stored[at:], held=False))
    else:
        found.append(Piece(at, np.zeros(1, np.complex128), held=True))
    return found
