"""Columns: where captures write, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Acquisition(StrEnum):
    """What the receiver does with the incoming trace."""

    INTEGRATED = "integrated"  # sum of kernel times demodulated samples: one complex number
    RAW = "raw"  # the demodulated samples themselves, without kernel


class Output(StrEnum):
    """What is returned of an integrated capture."""

    BIT = "bit"
    IQ = "iq"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Discriminator:
    """A line through the IQ plane: the bit is ``Re(iq * exp(-1j * angle)) > threshold``.

    Attributes:
        angle: Direction from the cloud of 0 to the cloud of 1, rad.
        threshold: Position of the line along that direction, in units of the integrated signal.
    """

    angle: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Column:
    """A place in the device's memory, one per measured classical bit. The last capture of a shot wins; unwritten is 0.

    README.md has the formula. Units are the driver's own; thresholds of the snapshot are in them.

    Attributes:
        name: For people, for example ``c[0]``; used once.
        acquisition: Raw or integrated.
        output: What is returned; ignored for raw.
        average: True to return the mean over all shots, unwritten ones counted as 0, instead of single shots (of the IQ value
            or trace; not of bits).
        discriminator: Needed where the bit is returned or read in real time; a raw column has none.
        returned: False for a column that only real-time control reads (the outcome of an active reset).
    """

    name: str
    acquisition: Acquisition = Acquisition.INTEGRATED
    output: Output = Output.BIT
    average: bool = False
    discriminator: Discriminator | None = None
    returned: bool = True
