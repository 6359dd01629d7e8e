"""What a builder remembers of a frame while it writes: the phase and frequency that the next play carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import tau
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
        name: Of the frame.
        frequency: Hz.
        phase: Constant part, rad.
        phase_slot: Slot added to the phase, or NONE.
        frequency_slot: Slot added to the frequency, or NONE.
        phase_variable: Real-time variable added to the phase, or NONE.
    """

    name: str
    frequency: float
    phase: float = 0.0
    phase_slot: int = NONE
    frequency_slot: int = NONE
    phase_variable: int = NONE

    def shifted(self, phase: float | SlotRef) -> Carrier:
        """With more phase.

        Raises:
            ScheduleError: If it would be a second slot.
        """
        if not isinstance(phase, SlotRef):
            return replace(self, phase=self.phase + phase)
        if self.phase_slot != NONE:
            raise ScheduleError(
                "a frame's phase takes one slot",
                given=f"slot {phase.index} after slot {self.phase_slot}",
                where=f"frame {self.name}",
                remedy="Sum the numbers into one column of the table, and name it with set_phase() or play(phase=...).",
            )
        return replace(self, phase_slot=phase.of(SlotKind.PHASE))

    def moved(self, frequency: float | SlotRef, now: int, seconds: float | None) -> Carrier:
        """At another frequency, from tick ``now`` of its block on, which is so many seconds after the start of the shot.

        Raises:
            ScheduleError: If the phase cannot be continuous.
        """
        where = f"frame {self.name}"
        if isinstance(frequency, SlotRef):
            slot = frequency.of(SlotKind.FREQUENCY)
            if seconds != 0:
                raise ScheduleError("a frequency slot must be set at the start of the shot", given=f"tick {now}", where=where)
            return replace(self, frequency_slot=slot)
        if self.frequency_slot != NONE:
            raise ScheduleError("a frequency must not be set after a slot", given=f"{frequency} Hz", where=where)
        if frequency == self.frequency:
            return self
        if seconds is None:
            raise ScheduleError(
                "a frequency must be set where the time since the start of the shot is known",
                given="a place inside or after a branch, a loop or a swept wait",
                where=where,
            )
        # A tone of frequency f and phase p has, seen from any fixed frequency, the phase p - 2 pi f t: equal before and after.
        return replace(self, phase=self.phase + tau * (frequency - self.frequency) * seconds, frequency=frequency)

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
