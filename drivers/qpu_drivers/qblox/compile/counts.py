"""When a listening sequencer sets its counts of triggers to 0, so that each branch finds the one capture that it reads.

A sequencer whose acquisition gives a 1 sends its address; all that listen count it. ``latch_rst`` sets all counts of a sequencer
to 0, so it must come before the capture that is to be counted ends, after earlier ones have arrived, and not while another count
is still to be read. What cannot be arranged so is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Schedule
from qpu_drivers.qblox.allocation import Allocation
from qpu_drivers.qblox.compile.timeline import Sent, Timeline, Use
from qpu_drivers.qblox.compile.triggers import Triggers
from qpu_drivers.qblox.program import Place

_CHOICE = 100
"""Ticks among which that instant is chosen."""


@dataclass(frozen=True, slots=True)
class Window:
    """Ticks of a straight block, the first and the last, at which the counts may be set to 0."""

    first: int
    last: int


@dataclass(slots=True)
class Counts:
    """What listeners do.

    Attributes:
        windows: Sequencer and first event of a straight block -> when, in that block, it sets its counts to 0.
        rooms: Sequencer and branch (by identity) -> ticks before the branch from which the bit is known.
        pause: Ticks between shots, at least, so that the last trigger of one has arrived before the next one counts.
    """

    windows: dict[tuple[Place, int], Window] = field(default_factory=dict)
    rooms: dict[tuple[Place, int], int] = field(default_factory=dict)
    pause: int = 0


def counts(
    schedule: Schedule,
    allocation: Allocation,
    triggers: Triggers,
    latency: int,
    separation: int,
    low: dict[int, float] | None = None,
) -> Counts:
    """Arrange all listeners of a schedule.

    Args:
        schedule: The template.
        allocation: Sequencers.
        triggers: Who sends and who listens.
        latency: From the end of an acquisition until all know its bit, ns.
        separation: Ticks that two triggers must be apart so as not to spoil each other.
        low: Slot of a wait -> its smallest value, ticks.

    Raises:
        ScheduleError: If a bit cannot be kept apart from another until it is read.
    """
    timeline = Timeline(schedule, allocation, triggers, latency, low or {})
    found = Counts()
    for place, columns in triggers.listens.items():
        _Listener(timeline, place, columns, separation).arrange(found)
    return found


class _Listener:
    """One sequencer that listens."""

    def __init__(self, timeline: Timeline, place: Place, columns: frozenset[int], separation: int) -> None:
        self.timeline, self.place = timeline, place
        self.senders = {timeline.triggers.sender[column] for column in columns}
        self.captures = {k: moment for k, moment in enumerate(timeline.moments) if isinstance(moment, Sent)}
        self.read: dict[int, int] = {}  # index of a capture that is read -> index of its last use
        self.value: dict[int, int] = {}  # index of a use -> that of its capture
        self.meeting: set[int] = set()  # captures whose trigger meets the one before, so that any address may arrive
        last: dict[int, int] = {}
        sent: dict[Place, float] = {}
        for index, moment in enumerate(timeline.moments):
            if isinstance(moment, Sent):
                last[moment.column] = index
                if any(abs(moment.sent - at) < separation for other, at in sent.items() if other != moment.place):
                    self.meeting.add(index)
                sent[moment.place] = moment.sent
            elif place in moment.places:
                self.value[index] = last[moment.column]
                self.read[last[moment.column]] = index

    def arrange(self, found: Counts) -> None:
        """Choose where the counts begin anew, and follow them."""
        resets = self.resets(frozenset())
        while (more := self.resets(resets)) != resets:  # what one turn of a loop needs, all turns do
            resets = more
        self.play(resets, found)

    def resets(self, given: frozenset[int]) -> frozenset[int]:
        """Straight blocks in which the counts begin anew, so that captures in them are counted alone."""
        needed, firsts = set(given), self.firsts(given)
        spoilt = set(self.senders)  # by the shot before
        for index, capture in self.captures.items():
            if index in firsts:
                spoilt.clear()
            if index in self.read and capture.place in spoilt:
                needed.add(capture.block)
                spoilt.clear()
            spoilt.add(capture.place)
            if index in self.meeting:
                spoilt |= self.senders
        return frozenset(needed)

    def firsts(self, blocks: frozenset[int]) -> set[int]:
        """The first capture that is read, of each turn of these blocks: before it the counts begin anew."""
        seen: dict[tuple[int, float], int] = {}
        for index, capture in self.captures.items():
            if index in self.read and capture.block in blocks:
                seen.setdefault((capture.block, capture.began), index)
        return set(seen.values())

    def play(self, resets: frozenset[int], found: Counts) -> None:
        """Follow the counts, note windows and rooms, refuse what goes wrong."""
        firsts = self.firsts(resets)
        counted: dict[Place, list[int]] = {sender: [-1] for sender in self.senders}
        arrived = -inf
        for index, moment in enumerate(self.timeline.moments):
            if isinstance(moment, Use):
                if self.place in moment.places:
                    self.use(index, moment, counted, found)
                continue
            if index in firsts:
                self.window(index, moment, counted, arrived, found)
                counted = {sender: [] for sender in self.senders}
            if moment.place in counted:
                counted[moment.place].append(index)
                arrived = max(arrived, moment.arrived)
            if index in self.meeting:
                for sender in counted:
                    counted[sender].append(-2)
                arrived = max(arrived, moment.arrived)

    def window(self, index: int, own: Sent, counted: dict[Place, list[int]], arrived: float, found: Counts) -> None:
        for kept in {k for sender in counted for k in counted[sender]}:
            if kept >= 0 and self.read.get(kept, -1) > index:
                raise ScheduleError(
                    "a bit must be read before one is measured that needs the counts of triggers to begin anew",
                    given=f"{self.name(self.captures[kept])}, which is read after {self.name(own)} is measured",
                    where=self.where(own),
                )
        if own.inside:
            raise ScheduleError(
                "a bit that a branch reads must not be measured within a branch on this device",
                given=f"column {self.name(own)}",
                where=self.where(own),
            )
        first, last = max(0.0, arrived - own.began), own.sent - own.began
        if arrived == -inf:  # the first of the shot; what the shot before has sent must have arrived too
            first = max(0.0, last - _CHOICE)
            late = max(capture.arrived for capture in self.captures.values()) - self.timeline.now - (own.began + first)
            found.pause = max(found.pause, int(np.ceil(late)))
        if first > last:
            raise ScheduleError(
                f"a bit that a branch reads must be measured {self.timeline.latency} ticks after the capture before it",
                given=f"{last - first + self.timeline.latency:g} ticks",
                where=self.where(own),
            )
        key = (self.place, own.block)
        window = Window(int(np.ceil(first)), int(last))
        other_turn = found.windows.get(key, window)
        found.windows[key] = Window(max(window.first, other_turn.first), min(window.last, other_turn.last))

    def use(self, index: int, use: Use, counted: dict[Place, list[int]], found: Counts) -> None:
        capture = self.captures[self.value[index]]
        if counted[capture.place] != [self.value[index]]:
            raise ScheduleError(
                "a bit must be read before its receiver measures again, and triggers must not meet until then",
                given=f"{self.name(capture)}, read by a branch at tick {use.start:g}",
                where=self.where(capture),
            )
        for when, later in self.captures.items():
            if when > index and later.place == capture.place and later.sent < use.end:
                raise ScheduleError(
                    "no capture may end within a branch on a bit of the same receiver",
                    given=f"column {self.name(later)}",
                    where=self.where(later),
                )
        room = use.start - capture.arrived
        if room < 0:
            raise ScheduleError(
                f"a branch must wait {use.start - capture.sent - room:g} ticks after the capture has been received",
                given=f"{use.start - capture.sent:g} ticks",
                where=self.where(capture),
            )
        key = (self.place, use.branch)
        found.rooms[key] = min(int(room), found.rooms.get(key, int(room)))

    def name(self, capture: Sent) -> str:
        return self.timeline.schedule.columns[capture.column].name

    def where(self, capture: Sent) -> str:
        event = self.timeline.schedule.events[capture.row]
        line = self.timeline.schedule.ports[int(event["port"])].name
        return f"port {line}, capture at tick {int(event['start'])}, event {capture.row}"
