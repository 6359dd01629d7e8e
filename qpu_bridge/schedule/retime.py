"""Move a schedule to another timeline clock, and say by how much each event had to move."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Block, Body, Branch, Linear, Repeat, Rows, Shots, Straight, Sweep, While
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.schedule.slot import SlotKind
from qpu_bridge.units import Clock, Rounding


def retime(schedule: Schedule, clock: Clock, rounding: Rounding = Rounding.NEAREST) -> tuple[Schedule, NDArray[np.float64]]:
    """Put a schedule on another timeline clock.

    Sample clocks, envelopes, phases and frequencies stay: phases are absolute, so that moving a play in time needs no
    correction of them. Starts are rounded from the start of the body they are in (the shot, an arm, a turn), so that
    errors do not add up; a play that would begin before its frame is free is pushed behind it.

    Args:
        schedule: What to move. Events of a straight block that is played twice are moved as at its first time.
        clock: The new timeline clock.
        rounding: Policy for starts and for lengths of blocks.

    Returns:
        The schedule, and ``float64[events]``, in its order: placed minus asked start in s, within the body.

    Raises:
        ScheduleError: If ``rounding`` is ``EXACT`` and a time is not on the new grid; or if a slot holds a wait in ticks
            that is not a whole number of new ticks.
    """
    mover = _Mover(schedule, clock, rounding)
    body = mover.body(schedule.body)
    moved = replace(schedule, clock=clock, waveforms=tuple(mover.waveforms), events=mover.events, body=body)
    return moved, mover.residuals


class _Mover:
    def __init__(self, schedule: Schedule, clock: Clock, rounding: Rounding) -> None:
        self.schedule, self.clock, self.rounding = schedule, clock, rounding
        self.events = schedule.events.copy()
        self.waveforms = dict.fromkeys(schedule.waveforms)
        self.samples = schedule.samples
        self.residuals = np.zeros(len(schedule.events))
        self.moved: dict[tuple[int, int], Straight] = {}
        self.ratio = schedule.clock.dt / clock.dt
        for index, slot in enumerate(schedule.slots):
            if slot.kind is SlotKind.DURATION and index not in schedule.swept and self.ratio != 1:
                raise ScheduleError(
                    "a wait that a table fills counts ticks of the clock it was written for",
                    given=f"slot {index}",
                    where="retime",
                )

    def body(self, body: Body) -> Body:
        exact, placed = Fraction(0), 0
        moved: list[Block] = []
        for block in body:
            if isinstance(block, Straight):
                new = self.straight(block, exact, placed)
                exact += block.duration * self.schedule.clock.dt
                placed += new.duration
                moved.append(new)
            elif isinstance(block, Assign):
                moved.append(block)
            else:
                moved.append(self.block(block))
                exact, placed = Fraction(0), 0  # after control the count starts anew
        return tuple(moved)

    def block(self, block: Block) -> Block:
        if isinstance(block, Branch):
            return replace(block, then=self.body(block.then), otherwise=self.body(block.otherwise))
        if isinstance(block, Linear):
            return replace(block, sweeps=tuple(map(self.sweep, block.sweeps)), body=self.body(block.body))
        if isinstance(block, Repeat | While | Shots | Rows):
            return replace(block, body=self.body(block.body))
        return block

    def sweep(self, sweep: Sweep) -> Sweep:
        if self.schedule.slots[sweep.slot].kind is not SlotKind.DURATION:
            return sweep
        return replace(sweep, start=self.whole(sweep.start), step=self.whole(sweep.step))

    def whole(self, ticks: float) -> int:
        there = Fraction(ticks) * self.ratio
        if there.denominator != 1:
            raise ScheduleError(
                f"a swept wait must be a whole number of new ticks of {self.clock.dt} s",
                given=f"{ticks:g} old ones",
                where="retime",
            )
        return there.numerator

    def place(self, exact: Fraction) -> int:
        try:
            return int(self.clock.place(exact, self.rounding)[0])
        except ValueError as error:
            raise ScheduleError("a time must fall on the new clock", given=str(error), where="retime") from error

    def straight(self, block: Straight, begins: Fraction, placed: int) -> Straight:
        """Move one block that was to begin at ``begins`` s and now begins at tick ``placed`` of the body."""
        old = self.schedule.clock.dt
        before = self.moved.get((block.first, block.last)) if block.last > block.first else None
        if before is not None:
            return replace(block, duration=max(before.duration, self.place(begins + block.duration * old) - placed))
        free: dict[int, int] = {}
        end = placed
        for row in range(block.first, block.last):
            event = self.events[row]
            asked = begins + int(self.schedule.events["start"][row]) * old
            frame = int(event["frame"])
            start = max(self.place(asked), placed, free.get(frame, 0))
            length = self.length(row)
            free[frame] = start + length
            end = max(end, start + length)
            event["start"], event["duration"] = start - placed, length
            self.residuals[row] = float(start * self.clock.dt - asked)
        order = block.first + np.argsort(self.events["start"][block.first : block.last], kind="stable")
        self.events[block.first : block.last] = self.events[order]
        self.residuals[block.first : block.last] = self.residuals[order]
        end = max(end, self.place(begins + block.duration * old))
        self.moved[block.first, block.last] = new = replace(block, duration=end - placed)
        return new

    def length(self, row: int) -> int:
        port = self.schedule.ports[self.schedule.events["port"][row]].clock
        samples = int(self.samples[row])
        ticks = int(self.clock.ticks_covering(port, samples))
        if self.events["waveform"][row] == NONE and ticks * self.clock.dt // port.dt != samples:
            flat = constant(samples)  # the new window would hold more samples than the old one
            self.waveforms.setdefault(flat)
            self.events["waveform"][row] = list(self.waveforms).index(flat)
        return ticks
