"""A comfortable face: write a schedule the way it is drawn on the blackboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule.block import (
    Assign,
    Block,
    Body,
    Branch,
    Linear,
    Repeat,
    Rows,
    Shots,
    Straight,
    While,
    duration_of,
)
from qpu_bridge.schedule.column import Column
from qpu_bridge.schedule.event import EVENT, NONE, Operation
from qpu_bridge.schedule.expression import Expression, Variable, VariableKind
from qpu_bridge.schedule.port import Frame, Port, PortKind
from qpu_bridge.schedule.schedule import Schedule
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.schedule.slot import Slot, SlotKind
from qpu_bridge.schedule.waveform import Waveform
from qpu_bridge.units import Clock


@dataclass(frozen=True, slots=True)
class SlotRef:
    """A slot that a builder has declared, to be used where a number may stand."""

    index: int
    kind: SlotKind


@dataclass(slots=True)
class _FrameState:
    frequency: float
    phase: float = 0.0
    phase_slot: int = NONE
    frequency_slot: int = NONE
    phase_variable: int = NONE


@dataclass(slots=True)
class _Segment:
    blocks: list[Block] = field(default_factory=list)
    first: int = 0
    cursors: dict[int, int] = field(default_factory=dict)
    floor: int = 0
    end: int = 0


class Builder:
    """Places plays and captures one after the other on each port; different ports run side by side until a `barrier`.

    Linear sweeps opened with `sweep` become data loops around the whole shot, in the order of opening; rows of the table
    go outside of them, shots inside.

    Args:
        clock: Timeline clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ports: list[Port] = []
        self._frames: list[Frame] = []
        self._states: list[_FrameState] = []
        self._waveforms: dict[Waveform, int] = {}
        self._slots: list[Slot] = []
        self._columns: list[Column] = []
        self._variables: list[Variable] = []
        self._events: list[tuple[object, ...]] = []
        self._axes: list[tuple[int, float, float, int]] = []
        self._segment = _Segment()
        self._depth = 0

    def port(self, name: str, kind: PortKind, clock: Clock | None = None) -> int:
        """Declare a line; its sample clock is the timeline clock unless given."""
        self._ports.append(Port(name, kind, clock or self.clock))
        return len(self._ports) - 1

    def frame(self, name: str, port: int, frequency: float) -> int:
        """Declare a carrier on a line, frequency in Hz."""
        self._frames.append(Frame(name, port, frequency))
        self._states.append(_FrameState(frequency))
        return len(self._frames) - 1

    def slot(self, kind: SlotKind, bits: int | None = None) -> SlotRef:
        """Declare a number that the table fills in per row."""
        self._slots.append(Slot(kind, bits))
        return SlotRef(len(self._slots) - 1, kind)

    def sweep(self, kind: SlotKind, start: float, step: float, count: int) -> SlotRef:
        """Declare a number that a linear data loop sweeps: ``start + k * step`` for ``k < count``."""
        slot = self.slot(kind)
        self._axes.append((slot.index, start, step, count))
        return slot

    def column(self, column: Column) -> int:
        """Declare a place for captures to write."""
        self._columns.append(column)
        return len(self._columns) - 1

    def variable(self, name: str, kind: VariableKind, width: int = 64) -> int:
        """Declare a real-time variable."""
        self._variables.append(Variable(name, kind, width))
        return len(self._variables) - 1

    def shift_phase(self, frame: int, phase: float | SlotRef) -> None:
        """Add to the frame's phase (rad) from here on. RZ(theta) on a qubit is ``shift_phase(frame, -theta)``."""
        state = self._states[frame]
        if isinstance(phase, SlotRef):
            if state.phase_slot not in (NONE, phase.index):
                raise ScheduleError("a frame's phase takes one slot; sum the numbers into one column of the table")
            state.phase_slot = self._slot(phase, SlotKind.PHASE)
        else:
            state.phase += phase

    def follow_phase(self, frame: int, variable: int) -> None:
        """Add a real-time FLOAT variable (rad) to the frame's phase from here on.

        A virtual Z that depends on a measured bit is an `assign` to it inside the branch; each play reads it when it starts.
        """
        if self._variables[variable].kind is not VariableKind.FLOAT:
            raise ScheduleError("a phase variable must be a float", given=self._variables[variable].kind.value)
        self._states[frame].phase_variable = variable

    def set_frequency(self, frame: int, frequency: float | SlotRef) -> None:
        """Move the frame's frequency (Hz) from here on, phase-continuous; a slot adds to the frame's rest frequency.

        Raises:
            ScheduleError: If a slot is used after the start of the shot, where continuity would need a product of slots, or
                a number where the time since the start of the shot is not known.
        """
        state = self._states[frame]
        before = None if self._depth else duration_of(tuple(self._segment.blocks))
        now = self.now(self._frames[frame].port)
        if isinstance(frequency, SlotRef):
            if now or before != 0:
                raise ScheduleError("a frequency slot must be set at the start of the shot", given=f"tick {now}")
            state.frequency_slot = self._slot(frequency, SlotKind.FREQUENCY)
            return
        if before is None:
            raise ScheduleError(
                "a frequency must be set where the time since the start of the shot is known",
                given="a place inside or after a branch, a loop or a swept wait",
            )
        # A tone of frequency f and phase p has, seen from any fixed frequency, the phase p - 2 pi f t: equal before and after.
        state.phase += 2 * np.pi * (frequency - state.frequency) * float((before + now) * self.clock.dt)
        state.frequency = frequency

    def play(
        self, frame: int, waveform: Waveform, amplitude: float | SlotRef = 1.0, phase: float = 0.0, scale: float = 1.0
    ) -> None:
        """Play an envelope on the frame's port, after all that the port already does.

        Args:
            frame: The carrier.
            waveform: The envelope.
            amplitude: Full-scale factor, or a slot.
            phase: Added to the frame's phase for this play only, rad.
            scale: Constant factor next to an amplitude slot.
        """
        slot = self._slot(amplitude, SlotKind.AMPLITUDE) if isinstance(amplitude, SlotRef) else NONE
        level = scale if isinstance(amplitude, SlotRef) else scale * amplitude
        self._place(Operation.PLAY, frame, self._library(waveform), waveform.duration, level, phase, slot, NONE)

    def capture(self, frame: int, column: int, duration: int, kernel: Waveform | None = None, phase: float = 0.0) -> None:
        """Acquire for ``duration`` samples of the port, demodulated at the frame, into a column.

        Without a kernel all weights are 1.
        """
        dt = self._ports[self._frames[frame].port].clock.dt
        if kernel is None and (duration * dt / self.clock.dt).denominator != 1:
            kernel = constant(duration)  # the window in ticks would not tell how many samples were meant
        index = NONE if kernel is None else self._library(kernel)
        self._place(Operation.CAPTURE, frame, index, duration, 1.0, phase, NONE, column)

    def delay(self, port: int, ticks: int) -> None:
        """Leave a port idle for a number of timeline ticks."""
        self._segment.cursors[port] = self.now(port) + ticks
        self._segment.end = max(self._segment.end, self._segment.cursors[port])

    def wait(self, duration: int | SlotRef) -> None:
        """Leave all ports idle, for a fixed or a swept number of ticks."""
        self.barrier()
        if isinstance(duration, SlotRef):
            self._close()
            here = len(self._events)
            self._segment.blocks.append(Straight(here, here, 0, self._slot(duration, SlotKind.DURATION)))
        else:
            self._segment.end += duration
            self.barrier()

    def barrier(self) -> None:
        """Line all ports up."""
        self._segment.floor = self._segment.end

    def now(self, port: int) -> int:
        """Tick of the current straight block at which the port is free."""
        return max(self._segment.cursors.get(port, 0), self._segment.floor)

    def assign(self, variable: int, value: Expression) -> None:
        """Set a real-time variable after all that was played so far."""
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

    def build(self) -> Schedule:
        """The finished schedule."""
        self._close()
        body: Body = (Shots(tuple(self._segment.blocks)),)
        for slot, start, step, count in reversed(self._axes):
            body = (Linear(slot, start, step, count, body),)
        return Schedule(
            clock=self.clock,
            ports=tuple(self._ports),
            frames=tuple(self._frames),
            waveforms=tuple(self._waveforms),
            slots=tuple(self._slots),
            columns=tuple(self._columns),
            variables=tuple(self._variables),
            events=np.array(self._events, dtype=EVENT),
            body=(Rows(body),),
        )

    def _place(
        self,
        op: Operation,
        frame: int,
        waveform: int,
        samples: int,
        amplitude: float,
        phase: float,
        slot: int,
        column: int,
    ) -> None:
        port = self._frames[frame].port
        state = self._states[frame]
        start = self.now(port)
        ticks = self.clock.ticks_covering(self._ports[port].clock, samples)
        self._events.append(
            (
                *(start, ticks, op, port, frame, waveform, amplitude, state.phase + phase, state.frequency),
                *(slot, state.phase_slot, state.frequency_slot, state.phase_variable, column),
            )
        )
        self._segment.cursors[port] = start + ticks
        self._segment.end = max(self._segment.end, start + ticks)

    def _slot(self, ref: SlotRef, kind: SlotKind) -> int:
        if ref.kind is not kind:
            raise ScheduleError(f"a slot of kind {kind.value} must stand here", given=ref.kind.value)
        return ref.index

    def _library(self, waveform: Waveform) -> int:
        return self._waveforms.setdefault(waveform, len(self._waveforms))

    def _close(self) -> None:
        """End the straight block that is being written, if anything is in it."""
        segment = self._segment
        if segment.end or len(self._events) > segment.first:
            written = self._events[segment.first :]
            order = sorted(range(len(written)), key=lambda row: written[row][0])  # type: ignore[arg-type, return-value]
            self._events[segment.first :] = [written[row] for row in order]
            segment.blocks.append(Straight(segment.first, len(self._events), segment.end))
        segment.first, segment.end, segment.floor, segment.cursors = len(self._events), 0, 0, {}

    @contextmanager
    def _inside(self) -> Iterator[Callable[[], Body]]:
        self._close()
        states = [astuple(state) for state in self._states]
        self._depth += 1
        outer, self._segment = self._segment, _Segment(first=len(self._events))
        inner = self._segment

        def body() -> Body:
            return tuple(inner.blocks)

        try:
            yield body
            self._close()
            for frame, (state, before) in enumerate(zip(self._states, states, strict=False)):
                if astuple(state) != before:
                    raise ScheduleError(
                        "a frame must leave a branch or loop as it came in",
                        given=f"{state} instead of {_FrameState(*before)}",
                        where=f"frame {self._frames[frame].name}",
                        remedy="Let it follow_phase() a variable and assign() that.",
                    )
        finally:
            self._depth -= 1
            self._segment = outer
            outer.first = len(self._events)
