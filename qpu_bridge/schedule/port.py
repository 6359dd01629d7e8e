"""Ports (physical lines) and frames (carriers on a port)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qpu_bridge.units import Clock


class PortKind(StrEnum):
    """What a line is for; a driver may give each kind other limits."""

    DRIVE = "drive"
    FLUX = "flux"
    READOUT = "readout"
    ACQUIRE = "acquire"


@dataclass(frozen=True, slots=True)
class Port:
    """A physical line.

    Attributes:
        name: The line's name in the rack, for example ``d0``.
        kind: What the line is for. Waveforms on a ``FLUX`` port are real and have no carrier.
        clock: The line's sample clock; it may differ from the schedule's timeline clock.
    """

    name: str
    kind: PortKind
    clock: Clock


@dataclass(frozen=True, slots=True)
class Frame:
    """A carrier on a port.

    Attributes:
        name: The carrier's name, for example ``q0`` or ``q0q1`` (the line of q0 at the frequency of q1).
        port: Index of the port in the schedule's table.
        frequency: Rest frequency in Hz. Every play and capture states its own frequency; this is what the builder
            takes when it is told no other, and what a driver may tune an oscillator to beforehand.
    """

    name: str
    port: int
    frequency: float
