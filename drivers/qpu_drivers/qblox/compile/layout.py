"""A shot as one sequencer plays it: blocks and events to real-time instructions."""

from __future__ import annotations

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import NONE, Body, Repeat, Schedule, Straight
from qpu_drivers.qblox.allocation import Sequencer
from qpu_drivers.qblox.compile.form import Form, Term, Unit
from qpu_drivers.qblox.compile.latch import SILENT, Latch, Part, Section, Stretch, Turns, latches
from qpu_drivers.qblox.compile.voice import Voice
from qpu_drivers.qblox.hardware import PROLOGUE

START = Form(Unit.TICKS, 0.0)


class Layout:
    """One sequencer's shot: `voice` turns events into instructions, this follows the blocks."""

    def __init__(self, schedule: Schedule, sequencer: Sequencer) -> None:
        self._schedule = schedule
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
            elif block is not None and not isinstance(block, Straight):
                raise ScheduleError(
                    "real-time control on this device must be loops with a fixed count", given=type(block).__name__.lower()
                )
        return tuple(found)

    def _repeat(self, block: Repeat, now: Form, kept: bool) -> list[Part]:
        if block.variable != NONE:
            name = self._schedule.variables[block.variable].name
            raise ScheduleError("a loop must not count in a variable on this device", given=name)
        if not block.count:
            return []
        if len(self.voice.carrier.keys) > 1:  # the phase at a change of frequency depends on its time, which differs by turn
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
        starts: list[tuple[int, int]] = []
        offset = 0
        for block in run:
            mine = np.flatnonzero(self._mine[block.first : block.last]) + block.first
            starts += [(offset + int(self._schedule.events["start"][row]), int(row)) for row in mine]
            offset += block.duration
        slot = run[-1].duration_slot
        return Stretch(
            self.voice.latches(starts, offset, now, kept), START.plus(offset, ((1.0, (slot,)),) if slot != NONE else ())
        )


def _after(now: Form, part: Part) -> Form:
    return now.plus(*lasting((part,)))


def lasting(section: Section) -> tuple[float, tuple[Term, ...]]:
    """Ticks of a section: a number, and what slots add."""
    whole = START
    for part in section:
        if isinstance(part, Stretch):
            whole = whole.plus(part.duration.constant, part.duration.terms)
        else:
            constant, terms = lasting(part.body)
            whole = whole.plus(constant * part.count, tuple((c * part.count, s) for c, s in terms))
    return whole.constant, whole.terms
