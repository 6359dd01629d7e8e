"""Columns: where captures write, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Acquisition(StrEnum):
    """What the receiver does with the incoming trace."""

    INTEGRATED = "integrated"  # weighted sum over the kernel: one complex number
    RAW = "raw"  # demodulated trace, one complex number per sample of the port


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

    Attributes:
        name: For people, for example ``c[0]``.
        acquisition: Raw or integrated.
        output: What is returned; ignored for raw.
        average: True to return the mean over shots instead of single shots (of the IQ value or trace; not of bits).
        discriminator: Needed where the bit is returned or read in real time.
        returned: False for a column that only real-time control reads (the outcome of an active reset).
    """

    name: str
    acquisition: Acquisition = Acquisition.INTEGRATED
    output: Output = Output.BIT
    average: bool = False
    discriminator: Discriminator | None = None
    returned: bool = True
