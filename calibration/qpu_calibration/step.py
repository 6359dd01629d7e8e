"""Steps of a calibration, and what came of them: all that who decides and who measures say to one another."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qpu_calibration.page import Target

REPAIR_ERROR = 1 / 3
"""Largest standard error that a repair may leave, in units of what is tolerated: three of them are then within it."""


class Action(StrEnum):
    """What a step does: a short look that changes nothing, or a calibration."""

    LOOK = "look"
    CALIBRATE = "calibrate"


class Verdict(StrEnum):
    """What came of a node.

    A look finds it within specification (``good``), beyond (``off``), or its data cannot be understood (``bad``): then something
    that it needs is wrong. What is off, or on its way there, may be ``mended`` at once, with what the look has found. A
    calibration is ``good`` or ``bad``. Either is ``barred`` if the device may not play what it takes: that says nothing of the
    target.
    """

    GOOD = "good"
    OFF = "off"
    MENDED = "mended"
    BAD = "bad"
    BARRED = "barred"


@dataclass(frozen=True)
class Step:
    """Something to do: a routine on targets, which need not fit side by side.

    Attributes:
        action: What.
        routine: By which routine.
        targets: Of what.
        mend: Whether a look may mend what it finds off, where what it finds is sharp enough.
        drifting: Those of the targets that are known to drift fast.
    """

    action: Action
    routine: str
    targets: tuple[Target, ...]
    mend: bool = False
    drifting: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What came of a step for one target.

    Attributes:
        verdict: What.
        reason: Why it is bad or barred, or what is to be known of it though it is good.
        complaint: Why users should not have the target though all is good.
        deviation: How far from the snapshot a look has found it, in units of what is tolerated; None if it says nothing of that.
        deviation_error: Standard error of that.
        affects_all: Whether it has changed what all measurements hang on, so that they must be looked at again.
    """

    verdict: Verdict
    reason: str = ""
    complaint: str = ""
    deviation: float | None = None
    deviation_error: float = 0.0
    affects_all: bool = False

    @property
    def unsure(self) -> bool:
        """Whether it should be looked at again: it left much open where it mended, or may be off by chance."""
        if self.verdict is Verdict.MENDED:
            return self.deviation_error > REPAIR_ERROR
        return self.verdict is Verdict.OFF and self.deviation is not None and self.deviation - 1 < self.deviation_error

    @property
    def well(self) -> bool:
        """Whether its numbers are right now."""
        return self.verdict in (Verdict.GOOD, Verdict.MENDED)


Findings = Mapping[Target, Finding]
Steps = Generator[Step, Findings, None]
"""Says what to do next, and is sent what came of it."""
Stages = Iterator[Sequence[Steps]]
"""Stage by stage, steps that may go on side by side: none of them touches what another one does or needs."""
