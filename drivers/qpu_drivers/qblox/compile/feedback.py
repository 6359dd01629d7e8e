"""How measured bits travel from the sequencers that acquire them to those whose pulses depend on them."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.schedule import Branch, Schedule, SlotKind, Straight
from qpu_drivers.qblox.allocation import Allocation
from qpu_drivers.qblox.compile.counts import Counts, Window, counts
from qpu_drivers.qblox.compile.form import Form
from qpu_drivers.qblox.compile.triggers import Triggers, triggers
from qpu_drivers.qblox.hardware import TRIGGER_PAUSE
from qpu_drivers.qblox.program import Place
from qpu_drivers.qblox.rack import Trigger


@dataclass(frozen=True, slots=True)
class Feedback:
    """Addresses and counts of a schedule.

    Attributes:
        triggers: Who sends, and who listens.
        counts: When listeners count anew.
        waits: Slot -> its shortest wait, ticks, as far as it is known without rows.
    """

    triggers: Triggers
    counts: Counts
    waits: dict[int, float]

    @classmethod
    def of(cls, schedule: Schedule, allocation: Allocation, network: Trigger) -> Feedback:
        """Arrange the feedback of a schedule.

        Raises:
            ScheduleError: If the trigger network cannot carry it.
        """
        waits = _waits(schedule)
        found = triggers(schedule, allocation, network.addresses)
        return cls(found, counts(schedule, allocation, found, network.latency, TRIGGER_PAUSE, waits), waits)

    def address(self, column: int) -> int:
        """Address under which a column's bit travels."""
        return self.triggers.address[self.triggers.sender[column]]

    def room(self, place: Place, branch: Branch) -> int:
        """Ticks before a branch from which a sequencer knows the bit."""
        return self.counts.rooms[place, id(branch)]

    def window(self, place: Place, block: Straight) -> Window | None:
        """When a sequencer must set its counts to 0 within a block, if it must."""
        return self.counts.windows.get((place, block.first)) if block.last > block.first else None

    def listens(self, place: Place) -> tuple[int, ...]:
        """Addresses that a sequencer asks for."""
        return tuple(sorted({self.address(column) for column in self.triggers.listens.get(place, ())}))

    def shortest(self, duration: Form) -> float:
        """Fewest ticks of a stretch."""
        return duration.constant + sum(c * self.waits.get(slot, 0.0) for c, slots in duration.terms for slot in slots)


def _waits(schedule: Schedule) -> dict[int, float]:
    """Shortest waits: of axes what they sweep, of rows what every check of a table grants, that events fit into their block."""
    found: dict[int, float] = {}
    for block in schedule.straight_blocks():
        if block.duration_slot >= 0 and block.duration_slot not in schedule.swept:
            events = schedule.events[block.first : block.last]
            needed = int((events["start"] + events["duration"]).max(initial=0)) - block.duration
            found[block.duration_slot] = max(float(needed), found.get(block.duration_slot, float(needed)))
    for slot, (sweep, count) in schedule.swept.items():
        if schedule.slots[slot].kind is SlotKind.DURATION:
            found[slot] = min(sweep.start, sweep.start + sweep.step * (count - 1))
    return found
