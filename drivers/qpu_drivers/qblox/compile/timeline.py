"""A shot as the trigger network sees it: which bits are sent when, and which branches read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qpu_bridge.schedule import NONE, Body, Branch, Repeat, Schedule, Straight, duration_of
from qpu_drivers.qblox.allocation import Allocation
from qpu_drivers.qblox.compile.question import Question, question
from qpu_drivers.qblox.compile.triggers import Triggers, places_in
from qpu_drivers.qblox.program import Place


@dataclass(frozen=True, slots=True)
class Sent:
    """A capture that is sent.

    Attributes:
        block: First event of its straight block.
        began: Tick of the shot at which that block begins.
        place: Its sequencer.
        row: Row of ``schedule.events``.
        column: Where it writes.
        sent: Tick at which its trigger leaves.
        arrived: Tick at which that has come to all.
        inside: Whether it stands in an arm.
    """

    block: int
    began: float
    place: Place
    row: int
    column: int
    sent: float
    arrived: float
    inside: bool


@dataclass(frozen=True, slots=True)
class Use:
    """A branch that reads a bit.

    Attributes:
        branch: Its identity.
        column: Whose bit.
        places: Sequencers that play or capture in an arm.
        start: Tick of the shot at which it begins.
        end: Tick at which it ends.
    """

    branch: int
    column: int
    places: frozenset[Place]
    start: float
    end: float


class Timeline:
    """One shot in the order of play, loops turned twice: the second turn meets the captures of the first.

    Args:
        schedule: The template.
        allocation: Sequencers.
        triggers: Who sends and who listens.
        latency: From the end of an acquisition until all know its bit, ns.
        low: Slot of a wait -> its smallest value, ticks.
    """

    def __init__(
        self, schedule: Schedule, allocation: Allocation, triggers: Triggers, latency: int, low: dict[int, float]
    ) -> None:
        self.schedule, self.allocation, self.triggers = schedule, allocation, triggers
        self.latency, self.low = latency, low
        self.flight = {one.place: one.time_of_flight for one in allocation.sequencers}
        self.moments: list[Sent | Use] = []
        self.now = 0.0
        self._body(schedule.realtime, inside=False)

    def _body(self, body: Body, inside: bool) -> None:
        for block in body:
            if isinstance(block, Straight):
                self._straight(block, inside)
            elif isinstance(block, Branch):
                self._branch(block)
            elif isinstance(block, Repeat):
                for _ in range(min(2, block.count)):
                    self._body(block.body, inside)

    def _branch(self, block: Branch) -> None:
        asked = question(block.condition)
        if not isinstance(asked, Question):
            self._body(block.then if asked else block.otherwise, inside=False)
            return
        start = self.now
        length = duration_of(block.then) or 0
        places = {place for arm in (block.then, block.otherwise) for place in places_in(self.schedule, self.allocation, arm)}
        self.moments.append(Use(id(block), asked.column, frozenset(places), start, start + length))
        for arm in (block.then, block.otherwise):
            self.now = start
            self._body(arm, inside=True)
        self.now = start + length

    def _straight(self, block: Straight, inside: bool) -> None:
        events = self.schedule.events[block.first : block.last]
        found: list[Sent] = []
        for row in np.flatnonzero(self.schedule.captures[block.first : block.last]).tolist():
            event = events[row]
            place = self.allocation.of_frame[int(event["frame"])]
            if place in self.triggers.address:
                sent = self.now + float(event["start"] + event["duration"]) + self.flight[place]
                column = int(event["column"])
                arrived = sent + self.latency
                found.append(Sent(block.first, self.now, place, block.first + row, column, sent, arrived, inside))
        found.sort(key=lambda one: one.sent)
        self.moments += found
        self.now += block.duration + (0.0 if block.duration_slot == NONE else self.low.get(block.duration_slot, 0.0))
