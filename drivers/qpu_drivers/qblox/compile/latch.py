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
        clears: Whether it does nothing but set the counts of triggers to 0.
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
    clears: bool = False
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


@dataclass(frozen=True, slots=True)
class Guarded:
    """An instruction of a branch.

    Attributes:
        latch: What it is, or None for a wait.
        first: Whether it belongs to the first arm.
        length: How long it lasts if it is played, ns; skipped it takes 4.
    """

    latch: Latch | None
    first: bool
    length: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Two arms of which one is played.

    Attributes:
        steps: Instructions of both.
        address: Of the trigger network, which a condition asks for.
        wanted: The bit for which the first arm is played.
        duration: Ticks; the instructions may begin before, and then the stretch before is so much shorter.
    """

    steps: tuple[Guarded, ...]
    address: int
    wanted: bool
    duration: int


Part: TypeAlias = Stretch | Turns | Fork
Section: TypeAlias = tuple[Part, ...]


def latches(section: Section) -> Iterator[Latch]:
    """All instructions of a section, in the order of play."""
    for part in section:
        if isinstance(part, Fork):
            yield from (step.latch for step in part.steps if step.latch is not None)
        else:
            yield from part.latches if isinstance(part, Stretch) else latches(part.body)
