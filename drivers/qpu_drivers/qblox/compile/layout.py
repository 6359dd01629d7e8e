"""A shot as one sequencer plays it: blocks and events to real-time instructions."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Body, Branch, Repeat, Schedule, Straight, duration_of
from qpu_drivers.qblox.allocation import Sequencer
from qpu_drivers.qblox.compile.feedback import Feedback
from qpu_drivers.qblox.compile.fork import Gate, cleared, flat, fork
from qpu_drivers.qblox.compile.form import Form, Term, Unit
from qpu_drivers.qblox.compile.latch import SILENT, Fork, Latch, Part, Section, Stretch, Turns, latches
from qpu_drivers.qblox.compile.question import question
from qpu_drivers.qblox.compile.voice import Voice
from qpu_drivers.qblox.hardware import PROLOGUE, SHORTEST

UNROLLED = 1_000
"""Turns of a loop that are written out where they must be."""
START = Form(Unit.TICKS, 0.0)


class Layout:
    """One sequencer's shot: `voice` turns events into instructions, this follows the blocks.

    Args:
        schedule: The template.
        sequencer: Which.
        feedback: How measured bits travel.
    """

    def __init__(self, schedule: Schedule, sequencer: Sequencer, feedback: Feedback) -> None:
        self._schedule, self._feedback = schedule, feedback
        self._mine = np.isin(schedule.events["frame"], sequencer.frames)
        self.voice = Voice(schedule, sequencer, np.flatnonzero(self._mine).tolist())

    def shot(self) -> Section:
        """The whole shot; its first stretch is the prologue, before tick 0."""
        flux = self.voice.sequencer.flux
        start = Latch(0, reset=not flux, frequency=None if flux else self.voice.carrier.first, level=SILENT)
        self.voice.carrier.rewind()
        shot = self._section(self._schedule.realtime, START, kept=True)
        return (Stretch((start,), START.plus(PROLOGUE)), *shot)

    def _section(self, body: Body, now: Form, kept: bool) -> Section:
        """A body that begins at a tick of the shot; `kept` says that its captures are not overwritten by a later turn."""
        found: list[Part] = []
        run: list[Straight] = []
        for block in (*body, None):
            if isinstance(block, Straight):
                run.append(block)
            if run and (not isinstance(block, Straight) or block.duration_slot != NONE):
                stretch = self._stretch(run, now, kept)
                now = _after(now, stretch)
                found.append(stretch)
                run = []
            if isinstance(block, Repeat):
                turns = self._repeat(block, now, kept)
                for part in turns:
                    now = _after(now, part)
                found += turns
            elif isinstance(block, Branch):
                arms = self._branch(block, now, kept, found)
                for part in arms:
                    now = _after(now, part)
                found += arms
            elif block is not None and not isinstance(block, Straight):
                raise ScheduleError(
                    "real-time control on this device must be branches and loops with a fixed count",
                    given=type(block).__name__.lower(),
                )
        return tuple(found)

    def _branch(self, block: Branch, now: Form, kept: bool, before: list[Part]) -> list[Part]:
        """Both arms in one list; it may begin within the last stretch before, which is then shorter."""
        asked = question(block.condition)
        if isinstance(asked, bool):
            return list(self._section(block.then if asked else block.otherwise, now, kept))
        duration = duration_of(block.then)
        if duration is None or duration != duration_of(block.otherwise):
            raise ScheduleError("both arms of a branch must last equally long on this device", given="different arms")
        then, otherwise = (self._arm(flat(arm), duration, now, kept) for arm in (block.then, block.otherwise))
        self.voice.carrier.forget()
        if not then and not otherwise:
            return [Stretch((), START.plus(duration))]
        place = self.voice.sequencer.place
        last = before[-1] if before and isinstance(before[-1], Stretch) else None
        free = 0 if last is None else int(self._feedback.shortest(last.duration)) - max((x.at for x in last.latches), default=0)
        room = max(0, min(free - SHORTEST, self._feedback.room(place, block)))
        gate = Gate(self._feedback.address(asked.column), asked.wanted, room, self.voice.where)
        lead, both = fork((then, otherwise), duration, gate)
        if lead and last is not None:
            before[-1] = Stretch(last.latches, last.duration.plus(-lead))
        return [both]

    def _arm(self, run: list[Straight], duration: int, now: Form, kept: bool) -> tuple[Latch, ...]:
        self.voice.carrier.forget()
        return self.voice.latches(self._starts(run)[0], duration, now, kept)

    def _repeat(self, block: Repeat, now: Form, kept: bool) -> list[Part]:
        if block.variable != NONE:
            name = self._schedule.variables[block.variable].name
            raise ScheduleError("a loop must not count in a variable on this device", given=name)
        if not block.count:
            return []
        if len(self.voice.carrier.keys) > 1:  # the phase at a change of frequency depends on its time, which differs by turn
            if block.count > UNROLLED:
                raise ScheduleError(
                    f"a loop within which a carrier changes its frequency must turn at most {UNROLLED} times",
                    given=block.count,
                    where=self.voice.where,
                )
            parts: list[Part] = []
            for turn in range(block.count):
                once = self._section(block.body, now, kept and turn == block.count - 1)
                for part in once:
                    now = _after(now, part)
                parts += once
            return parts
        once = self._section(block.body, now, kept)
        inside = list(latches(once))
        if not inside:
            constant, terms = lasting(once)
            return [Stretch((), START.plus(constant * block.count, tuple((c * block.count, s) for c, s in terms)))]
        if block.count == 1 or not (kept and any(latch.capture for latch in inside)):
            return [Turns(block.count, once)]
        return [Turns(block.count - 1, self._section(block.body, now, kept=False)), *once]

    def _stretch(self, run: list[Straight], now: Form, kept: bool) -> Stretch:
        starts, duration = self._starts(run)
        slot = run[-1].duration_slot
        lasting = START.plus(duration, ((1.0, (slot,)),) if slot != NONE else ())
        found = self.voice.latches(starts, duration, now, kept)
        offset = 0
        for block in run:
            window = self._feedback.window(self.voice.sequencer.place, block)
            if window is not None:
                end = min(duration, int(self._feedback.shortest(lasting)))
                found = cleared(found, offset + window.first, offset + window.last, end, self.voice.where)
            offset += block.duration
        return Stretch(found, lasting)

    def _starts(self, run: list[Straight]) -> tuple[list[tuple[int, int]], int]:
        """Ticks and rows of the events in straight blocks that follow each other, and how long these last."""
        starts: list[tuple[int, int]] = []
        offset = 0
        for block in run:
            mine = np.flatnonzero(self._mine[block.first : block.last]) + block.first
            starts += [(offset + int(self._schedule.events["start"][row]), int(row)) for row in mine]
            offset += block.duration
        return starts, offset


def _after(now: Form, part: Part) -> Form:
    return now.plus(*lasting((part,)))


def lasting(section: Section) -> tuple[float, tuple[Term, ...]]:
    """Ticks of a section: a number, and what slots add."""
    whole = START
    for part in section:
        if isinstance(part, Stretch):
            whole = whole.plus(part.duration.constant, part.duration.terms)
        elif isinstance(part, Fork):
            whole = whole.plus(part.duration)
        else:
            constant, terms = lasting(part.body)
            whole = whole.plus(constant * part.count, tuple((c * part.count, s) for c, s in terms))
    return whole.constant, whole.terms
