"""From a schedule to programs: what does not depend on rows once, the rest for each run."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Discriminator, Linear, Rows, Schedule, Shots, Table
from qpu_bridge.schedule.block import DataLoop
from qpu_drivers.qblox.allocation import Allocation, Sequencer
from qpu_drivers.qblox.compile.clock import check_pace
from qpu_drivers.qblox.compile.code import Node, instructions, text
from qpu_drivers.qblox.compile.feedback import Feedback
from qpu_drivers.qblox.compile.form import Axes, Form, Unit, total
from qpu_drivers.qblox.compile.latch import Section, latches
from qpu_drivers.qblox.compile.layout import Layout, lasting
from qpu_drivers.qblox.compile.line import line
from qpu_drivers.qblox.compile.nest import bins_of, program
from qpu_drivers.qblox.compile.receiver import Window
from qpu_drivers.qblox.compile.rows import sharings
from qpu_drivers.qblox.compile.shot import numbers
from qpu_drivers.qblox.hardware import BINS, LEAD_IN, PROGRAM_LENGTH, PROLOGUE
from qpu_drivers.qblox.program import Program, SequencerProgram, Settings, Site
from qpu_drivers.qblox.rack import Rack

TICK = Fraction(1, 10**9)


@dataclass(frozen=True)
class Part:
    """One sequencer's share of a template.

    Attributes:
        sequencer: Which.
        shot: What it does in a shot.
        layout: What was found on the way: waveforms, weights, windows, the carrier.
        line: The line between 0 and 1 that it draws itself, for bits that branches read.
    """

    sequencer: Sequencer
    shot: Section
    layout: Layout
    line: Discriminator | None

    @property
    def frequencies(self) -> set[Form]:
        """All that the oscillator is set to."""
        found = {latch.frequency for latch in latches(self.shot) if latch.frequency is not None}
        return found or {Form(Unit.FREQUENCY, self.layout.voice.carrier.rest)}

    @property
    def wasted(self) -> set[int]:
        """Acquisitions that are started in turns of a loop that a later one overwrites."""
        return {latch.capture.acquisition for latch in latches(self.shot) if latch.capture and not latch.capture.kept}


@dataclass(frozen=True)
class Template:
    """A schedule, compiled as far as it goes without rows."""

    schedule: Schedule
    parts: tuple[Part, ...]
    feedback: Feedback

    def program(self, table: Table, shots: int, rep_delay: int) -> Program:
        """The program of a run.

        Args:
            table: Its rows, all of them.
            shots: Shots of each row and point.
            rep_delay: Ticks (ns) from the end of a shot to the start of the next.

        Raises:
            ScheduleError: If it does not fit into the sequencers, or they could not follow it in time.
        """
        if rep_delay < self.feedback.counts.pause:
            raise ScheduleError(
                f"shots of this schedule must be {self.feedback.counts.pause} ns apart, for the bits of one to have arrived "
                "before those of the next are measured",
                given=f"{rep_delay} ns",
                remedy="Ask for a longer rep_delay.",
            )
        axes = self._axes(table, shots)
        made = tuple(self._sequencer(part, axes, rep_delay) for part in self.parts)
        sites = [self._site(part, index, axes) for part in self.parts for index in range(len(part.layout.voice.receiver.windows))]
        _check_bins(made)
        shape = (len(table), *self.schedule.sweep_shape, shots)
        return Program(
            sequencers=made,
            sites=tuple(sorted(sites, key=lambda site: site.event)),
            shape=shape,
            lead_in=LEAD_IN + PROLOGUE,
            duration=self._duration(axes, rep_delay),
        )

    def _axes(self, table: Table, shots: int) -> Axes:
        """Loops that turn more than once, and the rows."""
        rows = np.array(table.values)
        for slot, (sweep, _) in self.schedule.swept.items():
            rows[:, slot] = sweep.start
        counts = [_count(loop, len(table), shots) for loop in self.schedule.loops]
        turning = [(loop, count) for loop, count in zip(self.schedule.loops, counts, strict=True) if count > 1]
        return Axes(tuple(loop for loop, _ in turning), tuple(count for _, count in turning), rows)

    def _sequencer(self, part: Part, axes: Axes, rep_delay: int) -> SequencerProgram:
        voice, sequencer = part.layout.voice, part.sequencer
        if not sequencer.flux:
            for frequency in part.frequencies:
                voice.carrier.check(*axes.extremes(frequency))
        if voice.listening > rep_delay - PROLOGUE:
            raise ScheduleError(
                "an acquisition must end before the next shot begins, where oscillators are reset",
                given=f"{voice.listening} ns behind the shot, {PROLOGUE} ns before the next, and a wait of {rep_delay} ns",
                where=voice.where,
            )
        listens = self.feedback.listens(sequencer.place)
        nodes, given = _nodes(part, axes, rep_delay - PROLOGUE, bool(listens))
        receiver = voice.receiver
        return SequencerProgram(
            place=sequencer.place,
            text=text(nodes),
            waveforms=voice.memory.stored,
            weights=receiver.weights,
            acquisitions=tuple(_bins(window, axes, index in part.wasted) for index, window in enumerate(receiver.windows)),
            settings=Settings(
                frequency=0.0 if sequencer.flux else voice.carrier.rest,
                modulated=not sequencer.flux,
                integration_length=receiver.integration_length,
                discriminator=part.line,
                sends=self.feedback.triggers.address.get(sequencer.place),
                listens=listens,
                scope=any(window.trace for window in receiver.windows),
            ),
            registers=given,
        )

    def _site(self, part: Part, index: int, axes: Axes) -> Site:
        window = part.layout.voice.receiver.windows[index]
        bins = bins_of(axes)
        steps = dict(zip(axes.loops, (bins.mean if window.average else bins.single).strides, strict=True))
        order = sorted(self.schedule.loops, key=_order)
        return Site(
            event=window.event,
            column=window.column,
            place=part.sequencer.place,
            acquisition=index,
            samples=window.samples,
            weighted=window.weights is not None,
            factor=window.factor,
            rotation=2 * np.pi * self._everywhere(window.rotation, axes),
            strides=tuple(steps.get(loop, 0) for loop in order),
        )

    def _everywhere(self, form: Form, axes: Axes) -> NDArray[np.float64]:
        """A number in all rows and points: broadcasts against ``(rows, *axes)``."""
        linear = [loop for loop in self.schedule.loops if isinstance(loop, Linear)]
        steps = dict(zip(axes.loops, axes.steps(form), strict=True))
        found = np.array([form.at(row) for row in axes.rows] if form.slots else [form.constant])
        found = found.reshape(-1, *(1,) * len(linear))
        for axis, loop in enumerate(linear):
            if step := steps.get(loop, 0.0):
                found = found + (step * np.arange(loop.count)).reshape(-1, *(1,) * (len(linear) - axis - 1))
        return found

    def _duration(self, axes: Axes, rep_delay: int) -> int:
        if not self.parts:
            return 0
        shot = Form(Unit.TICKS, *lasting(self.parts[0].shot)).plus(rep_delay - PROLOGUE)
        means = np.mean([shot.at(row) for row in axes.rows]) if shot.slots else shot.constant
        middle = sum(step * (count - 1) / 2 for step, count in zip(axes.steps(shot), axes.counts, strict=True))
        return LEAD_IN + round((float(means) + middle) * total(axes.counts))


def compile_schedule(schedule: Schedule, allocation: Allocation, rack: Rack) -> Template:
    """Compile a schedule for the sequencers that it was given.

    Raises:
        ScheduleError: If they cannot play it, whatever the rows.
    """
    for clock, name in ((schedule.clock, "timeline"), *((port.clock, f"port {port.name}") for port in schedule.ports)):
        if clock.dt != TICK:
            raise ScheduleError("clocks of this device must be of 1 ns", given=f"{float(clock.dt):g} s", where=name)
    feedback = Feedback.of(schedule, allocation, rack.trigger)
    parts = []
    for sequencer in allocation.sequencers:
        layout = Layout(schedule, sequencer, feedback)
        shot = layout.shot()
        columns = feedback.triggers.columns.get(sequencer.place, [])
        parts.append(Part(sequencer, shot, layout, line(schedule, layout.voice.receiver.windows, columns)))
    return Template(schedule, tuple(parts), feedback)


def _nodes(part: Part, axes: Axes, tail: int, listens: bool) -> tuple[list[Node], dict[int, int]]:
    """What a sequencer executes, and the registers that the host sets: rows share as much as registers and time allow.

    Raises:
        ScheduleError: If its program is too long, or comes too late, in whatever way rows share it.
    """
    bins, where = bins_of(axes), part.layout.voice.where
    limit = PROGRAM_LENGTH[part.sequencer.kind]
    fault: ScheduleError | None = None
    for sharing in sharings(axes, numbers(part.shot, bins, tail)[0]):
        try:
            nodes, given = program(part.shot, axes, bins, tail, where, sharing, listens)
            if (length := sum(1 for _ in instructions(nodes))) <= limit:
                check_pace(nodes, where)
                return nodes, given
        except ScheduleError as error:
            fault = fault or error
            continue
        raise ScheduleError(
            f"a program of a {part.sequencer.kind} must have at most {limit} instructions",
            given=length,
            where=where,
            remedy="Ask for fewer rows at a time, or a longer wait between shots.",
        )
    assert fault is not None
    raise fault


def _count(loop: DataLoop, rows: int, shots: int) -> int:
    if isinstance(loop, Linear):
        return loop.count
    return rows if isinstance(loop, Rows) else shots


def _order(loop: DataLoop) -> int:
    """Where an axis of results stands: rows, linear axes as they are nested, shots."""
    return 0 if isinstance(loop, Rows) else 2 if isinstance(loop, Shots) else 1


def _bins(window: Window, axes: Axes, wasted: bool) -> int:
    counts = [n for loop, n in zip(axes.loops, axes.counts, strict=True) if not (window.average and isinstance(loop, Shots))]
    return total(axes.counts) + 1 if wasted else total(counts)


def _check_bins(made: tuple[SequencerProgram, ...]) -> None:
    used: dict[int, int] = {}
    for one in made:
        slot = one.place[0]
        used[slot] = used.get(slot, 0) + sum(one.acquisitions)
        if used[slot] > BINS:
            raise ScheduleError(f"a readout module has {BINS} bins", given=f"at least {used[slot]}", where=f"slot {slot}")
