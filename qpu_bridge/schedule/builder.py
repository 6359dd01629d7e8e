"""A comfortable face: write a schedule the way it is drawn on the blackboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import Assign, Body, Branch, Linear, Repeat, Rows, Shots, Straight, While, duration_of
from qpu_bridge.schedule.carrier import Carrier, Phase, SlotRef
from qpu_bridge.schedule.declarations import Declarations, declared
from qpu_bridge.schedule.event import EVENT, NONE, Operation
from qpu_bridge.schedule.expression import Expression, VariableKind
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.segment import Segment, whole_ticks
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.schedule.slot import SlotKind
from qpu_bridge.schedule.waveform import Waveform
from qpu_bridge.schedule.written import Written
from qpu_bridge.units import Clock

Index = NDArray[np.int64]
_CARRIED = ("phase", "frequency", "phase_slot", "frequency_slot", "phase_variable")


class Builder(Declarations):
    """Places plays and captures one after the other on each port; different ports run side by side until a `barrier`.

    Axes become data loops around the whole shot, in the order of their declaration.

    Args:
        clock: Timeline clock.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._waveforms: dict[Waveform, int] = {}
        self._events = Written()
        # port, samples -> ticks that cover them
        self._ticks: dict[tuple[int, int], int] = {}
        self._segment = Segment()
        self._depth = 0

    def shift_phase(self, frame: int, phase: Phase) -> None:
        """Add to the frame's phase (rad) from here on. RZ(theta) on a qubit is ``shift_phase(frame, -theta)``.

        Raises:
            ScheduleError: If a second slot is added; `set_phase` takes another one instead.
        """
        self._carriers[frame] = self._carrier(frame).shifted(phase)

    def set_phase(self, frame: int, slot: SlotRef) -> None:
        """Let the frame's phase be its constant part plus this slot from here on, whatever slot it had before."""
        carrier = self._carrier(frame)
        self._carriers[frame] = replace(carrier, phase_slot=slot.of(SlotKind.PHASE))

    def follow_phase(self, frame: int, variable: int) -> None:
        """Add a real-time FLOAT variable (rad) to the frame's phase from here on.

        A virtual Z that depends on a measured bit is an `assign` to it inside the branch; each play reads it when it starts.

        Raises:
            ScheduleError: If the frame follows a variable already.
        """
        carrier = self._carrier(frame)
        kind = self._variables[declared("variable", variable, self._variables)].kind
        if kind is not VariableKind.FLOAT:
            raise ScheduleError("a phase variable must be a float", given=kind.value)
        if carrier.phase_variable != NONE:
            there = self._variables[carrier.phase_variable].name
            raise ScheduleError("a frame follows one variable", given=f"{self._variables[variable].name} after {there}")
        self._carriers[frame] = replace(carrier, phase_variable=variable)

    def set_frequency(self, frame: int, frequency: float | SlotRef) -> None:
        """Move the frame's frequency (Hz) from here on; a slot is an offset from the frequency it has.

        The phase is continuous at the tick at which the frame's port is free now. What it has already does nothing.

        Raises:
            ScheduleError: If a slot is used after the start of the shot, where continuity would need a product of slots, or
                a number where the time since the start of the shot is not known, or after a slot.
        """
        carrier = self._carrier(frame)
        before = None if self._depth else duration_of(tuple(self._segment.blocks))
        now = self.now(frame)
        seconds = None if before is None else float((before + now) * self.clock.dt)
        self._carriers[frame] = carrier.moved(frequency, now, seconds)

    def play(
        self,
        frame: int,
        waveform: Waveform,
        amplitude: float | SlotRef = 1.0,
        phase: Phase = 0.0,
        scale: float = 1.0,
        at: int | None = None,
    ) -> None:
        """Play an envelope on the frame's port, after all that the port already does.

        Args:
            frame: The carrier.
            waveform: The envelope.
            amplitude: Full-scale factor, or a slot.
            phase: Added to the frame's phase for this play only, rad; or the slot of this play's phase.
            scale: Constant factor next to an amplitude slot.
            at: Tick of the current straight block to start at instead, beside what else the port does (tones of one line).
        """
        slot = amplitude.of(SlotKind.AMPLITUDE) if isinstance(amplitude, SlotRef) else NONE
        level = scale if isinstance(amplitude, SlotRef) else scale * amplitude
        self._place(Operation.PLAY, frame, waveform, waveform.duration, level, phase, slot, NONE, at)

    def play_many(
        self,
        frames: Index,
        waveforms: Sequence[Waveform],
        which: Index,
        amplitudes: NDArray[np.float64],
        phases: NDArray[np.float64],
        amplitude_slots: Index,
        phase_slots: Index,
        at: Index,
    ) -> None:
        """What `play` does with each of many plays, in their order; it costs little more than one.

        Args:
            frames: ``int[plays]``.
            waveforms: The envelopes.
            which: ``int[plays]``, of the envelopes.
            amplitudes: ``float[plays]``, full scale; times the slot, if there is one.
            phases: ``float[plays]``, added to the frame's, rad; of no concern where there is a slot.
            amplitude_slots: ``int[plays]``, or NONE.
            phase_slots: ``int[plays]``, or NONE.
            at: ``int[plays]``, tick of the current straight block.

        Raises:
            ScheduleError: If a play and its frame both name a slot.
        """
        if not len(frames):
            return
        for frame in (frames.min(), frames.max()):
            declared("frame", int(frame), self._frames)
        whole_ticks("a start", int(at.min()))
        carriers = {name: np.array([getattr(one, name) for one in self._carriers])[frames] for name in _CARRIED}
        ports = np.array([frame.port for frame in self._frames])[frames]
        named = phase_slots != NONE
        twice = np.flatnonzero(named & (carriers["phase_slot"] != NONE))
        if len(twice):
            self._carriers[frames[twice[0]]].at(SlotRef(int(phase_slots[twice[0]]), SlotKind.PHASE))
        used, firsts = np.unique(which, return_index=True)
        ticks, numbers = np.zeros((len(self._ports), len(waveforms)), np.int64), np.full(len(waveforms), NONE)
        for kind in used[np.argsort(firsts)].tolist():
            numbers[kind] = self._waveforms.setdefault(waveforms[kind], len(self._waveforms))
        ticks[ports, which] = 1
        for port, kind in np.argwhere(ticks).tolist():
            ticks[port, kind] = self._covering(port, waveforms[kind].duration)
        events = np.empty(len(frames), EVENT)
        events["start"], events["duration"], events["operation"] = at, ticks[ports, which], int(Operation.PLAY)
        events["port"], events["frame"], events["waveform"] = ports, frames, numbers[which]
        events["amplitude"], events["amplitude_slot"], events["column"] = amplitudes, amplitude_slots, NONE
        events["phase"] = np.where(named, carriers["phase"], carriers["phase"] + phases)
        events["phase_slot"] = np.where(named, phase_slots, carriers["phase_slot"])
        for name in ("frequency", "frequency_slot", "phase_variable"):
            events[name] = carriers[name]
        self._events.extend(events)
        until = np.zeros(len(self._ports), np.int64)
        np.maximum.at(until, ports, events["start"] + events["duration"])
        for port in np.flatnonzero(until).tolist():
            self._segment.occupy(port, int(until[port]))

    def capture(
        self,
        frame: int,
        column: int,
        duration: int,
        kernel: Waveform | None = None,
        phase: Phase = 0.0,
        at: int | None = None,
    ) -> None:
        """Acquire for ``duration`` samples of the port, demodulated at the frame, into a column.

        Args:
            frame: The carrier.
            column: Where the result goes.
            duration: Samples of the port; the kernel has as many.
            kernel: Weights; without it all are 1.
            phase: Added to the frame's phase for this capture only, rad; or the slot of its phase.
            at: Tick of the current straight block to start at instead, beside what else the port does (multiplexing).
        """
        dt = self._ports[self._port(frame)].clock.dt
        if kernel is not None and kernel.duration != duration:
            raise ScheduleError("a kernel must last as its capture does", given=f"{kernel.duration} and {duration} samples")
        if kernel is None and (duration * dt / self.clock.dt).denominator != 1:
            kernel = constant(duration)  # the window in ticks would not tell how many samples were meant
        declared("column", column, self._columns)
        self._place(Operation.CAPTURE, frame, kernel, duration, 1.0, phase, NONE, column, at)

    def delay(self, frame: int, ticks: int) -> None:
        """Leave the frame's port idle for a number of timeline ticks."""
        port = self._port(frame)
        self._segment.occupy(port, self._segment.now(port) + whole_ticks("a delay", ticks))

    def wait(self, duration: int | SlotRef) -> None:
        """Leave all ports idle, for a fixed or a swept number of ticks."""
        self.barrier()
        if isinstance(duration, SlotRef):
            slot = duration.of(SlotKind.DURATION)
            self._close()
            here = len(self._events)
            self._segment.blocks.append(Straight(here, here, 0, slot))
        else:
            self._segment.end += whole_ticks("a wait", duration)
            self.barrier()

    def barrier(self, *frames: int) -> None:
        """Line up the ports of some frames, or all ports."""
        self._segment.align({self._port(frame) for frame in frames} if frames else None)

    def now(self, frame: int) -> int:
        """Tick of the current straight block at which the frame's port is free."""
        return self._segment.now(self._port(frame))

    def assign(self, variable: int, value: Expression) -> None:
        """Set a real-time variable after all that was played so far."""
        declared("variable", variable, self._variables)
        self._close()
        self._segment.blocks.append(Assign(variable, value))

    @contextmanager
    def repeat(self, count: int, variable: int = NONE) -> Iterator[None]:
        """Repeat what is written inside, in real time."""
        with self._inside() as body:
            yield
        self._segment.blocks.append(Repeat(count, body(), variable))

    @contextmanager
    def loop_while(self, condition: Expression, maximum: int) -> Iterator[None]:
        """Repeat what is written inside while the condition holds."""
        with self._inside() as body:
            yield
        self._segment.blocks.append(While(condition, body(), maximum))

    @contextmanager
    def branch(self, condition: Expression) -> Iterator[None]:
        """Play what is written inside only if the condition is true."""
        with self._inside() as body:
            yield
        self._segment.blocks.append(Branch(condition, body()))

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """Play what is written inside if the condition of the branch just closed is false."""
        last = self._segment.blocks[-1] if self._segment.blocks else None
        if not isinstance(last, Branch) or self._segment.end or last.otherwise:
            raise ScheduleError("otherwise() must follow a branch() directly")
        with self._inside() as body:
            yield
        self._segment.blocks[-1] = Branch(last.condition, last.then, body())

    def build(self, order: Literal["sequential", "cyclic"] = "sequential") -> Schedule:
        """The finished schedule.

        Args:
            order: ``sequential`` plays all shots of a point, then the next point; ``cyclic`` one shot of every row and
                point, then the next round.
        """
        self._close()
        cyclic = order == "cyclic"
        body: Body = tuple(self._segment.blocks)
        body = body if cyclic else (Shots(body),)
        for axis in reversed(self._axes):
            body = (Linear(tuple(axis.sweeps), axis.count, body),)
        body = (Rows(body),)
        return Schedule(
            clock=self.clock,
            ports=tuple(self._ports),
            frames=tuple(self._frames),
            waveforms=tuple(self._waveforms),
            slots=tuple(self._slots),
            columns=tuple(self._columns),
            variables=tuple(self._variables),
            events=self._events.events(),
            body=(Shots(body),) if cyclic else body,
        )

    def _carrier(self, frame: int) -> Carrier:
        return self._carriers[declared("frame", frame, self._frames)]

    def _port(self, frame: int) -> int:
        return self._frames[declared("frame", frame, self._frames)].port

    def _covering(self, port: int, samples: int) -> int:
        """Ticks that cover samples of a port."""
        ticks = self._ticks.get((port, samples))
        if ticks is None:
            ticks = self._ticks[port, samples] = self.clock.ticks_covering(self._ports[port].clock, samples)
        return ticks

    def _place(
        self,
        operation: Operation,
        frame: int,
        waveform: Waveform | None,
        samples: int,
        amplitude: float,
        phase: Phase,
        amplitude_slot: int,
        column: int,
        at: int | None,
    ) -> None:
        port = self._port(frame)
        carrier = self._carriers[frame]
        start = self._segment.now(port) if at is None else whole_ticks("a start", at)
        ticks = self._covering(port, samples)
        angle, phase_slot = carrier.at(phase)
        index = NONE if waveform is None else self._waveforms.setdefault(waveform, len(self._waveforms))
        self._events.append(
            (
                *(start, ticks, operation, port, frame, index, amplitude, angle, carrier.frequency),
                *(amplitude_slot, phase_slot, carrier.frequency_slot, carrier.phase_variable, column),
            )
        )
        self._segment.occupy(port, start + ticks)

    def _close(self) -> None:
        """End the straight block that is being written, if anything is in it."""
        segment = self._segment
        if segment.end or len(self._events) > segment.first:
            self._events.close()
            segment.blocks.append(Straight(segment.first, len(self._events), segment.end))
        segment.restart(len(self._events))

    @contextmanager
    def _inside(self) -> Iterator[Callable[[], Body]]:
        self._close()
        before, first, outer = list(self._carriers), len(self._events), self._segment
        self._depth += 1
        self._segment = inner = Segment(first)
        try:
            yield lambda: tuple(inner.blocks)
            self._close()
            for frame, carrier in enumerate(before):
                if self._carriers[frame] != carrier:
                    raise ScheduleError(
                        "a frame must leave a branch or loop as it came in",
                        given=f"{self._carriers[frame]} instead of {carrier}",
                        where=f"frame {self._frames[frame].name}",
                        remedy="Let it follow_phase() a variable and assign() that.",
                    )
        except BaseException:
            self._events.cut(first)  # nothing of a body that was not written to its end is played
            self._carriers[: len(before)] = before
            raise
        finally:
            self._depth -= 1
            self._segment = outer
            outer.restart(len(self._events))
