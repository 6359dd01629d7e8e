"""How long the pulses of a bring-up are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from qpu_emulator.chip.device import Device

DT = Fraction(1, 10**9)
"""Tick of the timeline, s."""
GRAIN = 4
"""Gates last multiples of so many ticks."""

Done = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Lengths of pulses in ticks, each a multiple of `GRAIN`.

    Attributes:
        drive: Of one-qubit pulses (DRAG, a quarter of it the standard deviation).
        flux: Of coupler pulses (raised-cosine edges of at most 30 ticks).
        cross: Of each half of an echoed cross-resonance gate.
        rotary: Amplitude of the rotary tone to start from.
    """

    drive: int = 36
    flux: int = 60
    cross: int = 208
    rotary: float = 0.06


def wait(device: Device) -> int:
    """Ticks by which gates are longer than their pulses, so that what a line delays arrives in time."""
    latest = max((line.delay for line in device.lines.values()), default=0.0)
    return -(-round(latest / float(DT)) // GRAIN) * GRAIN


def silent(_: str) -> None:
    """Tell nobody."""
