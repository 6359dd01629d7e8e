"""Which measured bit travels under which address of the trigger network, and which sequencers listen to it."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Body, Branch, Schedule, Straight, walk
from qpu_drivers.qblox.allocation import Allocation
from qpu_drivers.qblox.compile.question import Question, question
from qpu_drivers.qblox.program import Place


@dataclass(frozen=True, slots=True)
class Triggers:
    """Senders and listeners of a schedule.

    Attributes:
        address: Sequencer that acquires bits which control reads -> its address.
        sender: Column that control reads -> the sequencer that acquires it.
        listens: Sequencer that plays or captures in an arm -> columns that it asks for.
    """

    address: dict[Place, int]
    sender: dict[int, Place]
    listens: dict[Place, frozenset[int]]

    @property
    def columns(self) -> dict[Place, list[int]]:
        """Columns that control reads, by their senders."""
        return {place: sorted(c for c, where in self.sender.items() if where == place) for place in self.address}


def triggers(schedule: Schedule, allocation: Allocation, addresses: tuple[int, ...]) -> Triggers:
    """Give each receiver whose bits control reads an address.

    Args:
        schedule: The template.
        allocation: Sequencers.
        addresses: Addresses that may be used.

    Raises:
        ScheduleError: If there are more receivers than addresses, or a bit comes from several receivers or has no single line.
    """
    listens: dict[Place, frozenset[int]] = {}
    sender: dict[int, Place] = {}
    for block in walk(schedule.realtime):
        if not isinstance(block, Branch):
            continue
        asked = question(block.condition)
        if not isinstance(asked, Question):
            continue
        sender[asked.column] = _sender(schedule, allocation, asked.column)
        for place in {*places_in(schedule, allocation, block.then), *places_in(schedule, allocation, block.otherwise)}:
            listens[place] = listens.get(place, frozenset()) | {asked.column}
    senders = sorted(set(sender.values()))
    if len(senders) > len(addresses):
        raise ScheduleError(
            f"branches must read bits of at most {len(addresses)} readout carriers, one for each address of the trigger network",
            given=len(senders),
        )
    return Triggers(dict(zip(senders, addresses, strict=False)), sender, listens)


def places_in(schedule: Schedule, allocation: Allocation, body: Body) -> set[Place]:
    """Sequencers that play or capture in a body."""
    blocks = [block for block in walk(body) if isinstance(block, Straight)]
    frames = {frame for block in blocks for frame in schedule.events["frame"][block.first : block.last].tolist()}
    return {allocation.of_frame[frame] for frame in frames}


def _sender(schedule: Schedule, allocation: Allocation, column: int) -> Place:
    events = schedule.events
    captures = schedule.captures & (events["column"] == column)
    places = {allocation.of_frame[frame] for frame in events["frame"][captures].tolist()}
    if len(places) != 1:
        raise ScheduleError(
            "a bit that a branch reads must be captured at one carrier",
            given=f"{len(places)}",
            where=f"column {schedule.columns[column].name}",
        )
    return places.pop()
