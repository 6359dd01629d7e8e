"""What a sequencer does in a shot, before it is text: real-time instructions on a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from qpu_drivers.qblox.compile.form import Form, Unit

Pair = tuple[Form, Form]
"""Of the paths I and Q."""
SILENT = (Form(Unit.GAIN, 0.0), Form(Unit.GAIN, 0.0))


@dataclass(frozen=True, slots=True)
class Capture:
    """What an acquisition is started with.

    Attributes:
        acquisition: Its index.
        average: Whether its bin holds the mean over the shots.
        kept: False for a turn of a loop that a later one overwrites: its result goes to a bin that nobody reads.
        weights: Indices of the weights of both paths, or None.
    """

    acquisition: int
    average: bool
    kept: bool
    weights: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Latch:
    """One real-time instruction, and the settings that take effect with it; None leaves a setting as it is.

    Attributes:
        at: Tick within its stretch.
        reset: Whether the oscillator begins anew.
        frequency: Of the oscillator.
        phase: Added to the oscillator's.
        gain: Of waveforms.
        level: Held beside waveforms.
        waves: Indices of waveforms to play.
        capture: Acquisition to start.
        event: Row of ``schedule.events``, for errors; -1 for none.
    """

    at: int
    reset: bool = False
    frequency: Form | None = None
    phase: Form | None = None
    gain: Pair | None = None
    level: Pair | None = None
    waves: tuple[int, int] | None = None
    capture: Capture | None = None
    event: int = -1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instructions at known ticks, and how long it all lasts: ticks and slots."""

    latches: tuple[Latch, ...]
    duration: Form


@dataclass(frozen=True, slots=True)
class Turns:
    """A part of the shot that is played several times, at least once."""

    count: int
    body: Section


Part: TypeAlias = Stretch | Turns
Section: TypeAlias = tuple[Part, ...]


def latches(section: Section) -> Iterator[Latch]:
    """All instructions of a section, in the order of play."""
    for part in section:
        yield from part.latches if isinstance(part, Stretch) else latches(part.body)
