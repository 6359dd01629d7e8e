"""How long the pulses of a bring-up are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from qpu_emulator.chip.device import Device

DT = Fraction(1, 10**9)
"""Tick of the timeline, s."""
GRAIN = 4
"""Gates last multiples of so many ticks."""
RING = 368
"""Of a measurement, how long its resonator rings down after the tone, ticks; 0.3 % of contrast are left to lose then."""

Done = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Lengths of pulses in ticks, each a multiple of `GRAIN`.

    Attributes:
        drive: Of one-qubit pulses (DRAG, a quarter of it the standard deviation).
        flux: Of coupler pulses (raised-cosine edges of at most 30 ticks).
        cross: Of each half of an echoed cross-resonance gate.
        rotary: Amplitude of the rotary tone to start from.
        drives: Qubit -> length of its pulses, where that is another.
        pairs: Pair, lower index first -> length of its coupler's pulse, or of each half of its echoed gate, likewise.
        tone: Of a readout tone.
        measure: Of a measurement, tone and ring-down.
        readouts: Qubit -> lengths of its tone and of its measurement, likewise.
    """

    drive: int = 36
    flux: int = 60
    cross: int = 208
    rotary: float = 0.06
    drives: Mapping[int, int] = field(default_factory=dict)
    pairs: Mapping[tuple[int, int], int] = field(default_factory=dict)
    tone: int = 832
    measure: int = 832 + RING
    readouts: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def drive_of(self, qubit: int) -> int:
        """Length of a qubit's pulses."""
        return self.drives.get(qubit, self.drive)

    def flux_of(self, qubits: tuple[int, int]) -> int:
        """Length of a coupler's pulse."""
        return self.pairs.get((min(qubits), max(qubits)), self.flux)

    def cross_of(self, qubits: tuple[int, int]) -> int:
        """Length of each half of an echoed gate."""
        return self.pairs.get((min(qubits), max(qubits)), self.cross)

    def readout_of(self, qubit: int) -> tuple[int, int]:
        """Lengths of a qubit's readout tone and of its whole measurement."""
        return self.readouts.get(qubit, (self.tone, self.measure))


def wait(device: Device) -> int:
    """Ticks by which gates are longer than their pulses, so that what a line delays arrives in time."""
    latest = max((line.delay for line in device.lines.values()), default=0.0)
    return -(-round(latest / float(DT)) // GRAIN) * GRAIN


def silent(_: str) -> None:
    """Tell nobody."""
