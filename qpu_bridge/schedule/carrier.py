"""What a builder remembers of a frame while it writes: the phase and frequency that the next play carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.slot import SlotKind


@dataclass(frozen=True, slots=True)
class SlotRef:
    """A slot that a builder has declared, to be used where a number may stand."""

    index: int
    kind: SlotKind

    def of(self, kind: SlotKind) -> int:
        """The slot's index where one of a kind must stand."""
        if self.kind is not kind:
            raise ScheduleError(f"a slot of kind {kind.value} must stand here", given=self.kind.value)
        return self.index


@dataclass(frozen=True, slots=True)
class Carrier:
    """Phase and frequency of a frame at one place of the writing.

    Attributes:
        frequency: Hz.
        phase: Constant part, rad.
        phase_slot: Slot added to the phase, or NONE.
        frequency_slot: Slot added to the frequency, or NONE.
        phase_variable: Real-time variable added to the phase, or NONE.
    """

    frequency: float
    phase: float = 0.0
    phase_slot: int = NONE
    frequency_slot: int = NONE
    phase_variable: int = NONE

    def at(self, phase: float | SlotRef) -> tuple[float, int]:
        """Constant and slot of one event's phase.

        Raises:
            ScheduleError: If the event and its frame both name a slot.
        """
        if not isinstance(phase, SlotRef):
            return self.phase + phase, self.phase_slot
        if self.phase_slot != NONE:
            raise ScheduleError(
                "a phase takes one slot, the frame's or the play's",
                given=f"slot {phase.index} on a frame with slot {self.phase_slot}",
                remedy="Sum the numbers into one column of the table.",
            )
        return self.phase, phase.of(SlotKind.PHASE)


Phase: TypeAlias = float | SlotRef
"""Rad, or a slot of kind phase."""
