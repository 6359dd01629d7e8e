"""The schedule: the one thing that is ever sent to a device."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from hashlib import blake2b
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule.block import Body, DataLoop, Linear, Rows, Shots, Straight, Sweep, duration_of, walk
from qpu_bridge.schedule.column import Acquisition, Column, Output
from qpu_bridge.schedule.event import EVENT, Operation
from qpu_bridge.schedule.expression import Variable
from qpu_bridge.schedule.port import Frame, Port
from qpu_bridge.schedule.slot import Slot
from qpu_bridge.schedule.waveform import Waveform
from qpu_bridge.units import Clock


@dataclass(frozen=True, eq=False)
class Schedule:
    """A template of pulses: immutable, equal by content, cheap to send.

    Events inside one straight block are ordered by start; their order at one tick changes the digest, and nothing that is played.
    The body is a nest of data loops (`Rows`, `Linear`, `Shots`: what the results are indexed by, in the order of
    execution) around blocks of real-time control. `Rows` and `Shots` must each stand exactly once.

    Attributes:
        clock: Timeline clock; all times are whole ticks of it.
        ports: Lines used.
        frames: Carriers used.
        waveforms: Envelopes and kernels, each once.
        slots: Numbers to be filled in per row.
        columns: Memory that captures write.
        variables: Real-time variables.
        events: ``EVENT[events]``, read-only.
        body: Order of play.
    """

    clock: Clock
    ports: tuple[Port, ...]
    frames: tuple[Frame, ...]
    waveforms: tuple[Waveform, ...]
    slots: tuple[Slot, ...]
    columns: tuple[Column, ...]
    variables: tuple[Variable, ...]
    events: NDArray[np.void]
    body: Body

    def __post_init__(self) -> None:
        events = np.ascontiguousarray(self.events, dtype=EVENT)
        if events.flags.writeable:  # somebody may hold it; a buffer from the wire is read-only and costs no copy
            events = events.copy()
            events.setflags(write=False)
        object.__setattr__(self, "events", events)

    @cached_property
    def tables(self) -> bytes:
        """All but waveforms and events, as JSON text; it crosses the wire as it is, so that any peer can check the digest."""
        # a table has thousands of slots, most of them the same object
        slots = {id(slot): _record(slot) for slot in {id(slot): slot for slot in self.slots}.values()}
        told = [slots[id(slot)] for slot in self.slots]
        tables = (self.ports, self.frames, told, self.columns, self.variables, self.body)
        sizes = [len(self.waveforms), len(self.events)]
        return _TEXT([str(self.clock.dt), sizes, *tables]).encode()

    @cached_property
    def digest(self) -> bytes:
        """Key of the content, 32 bytes: the device's cache key."""
        state = blake2b(self.tables, digest_size=32)
        for waveform in self.waveforms:
            state.update(waveform.digest)
        state.update(self.events.view(np.uint8).data)
        return state.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def loops(self) -> tuple[DataLoop, ...]:
        """The nest of data loops, outermost first."""
        found: list[DataLoop] = []
        body = self.body
        while len(body) == 1 and isinstance(body[0], Rows | Shots | Linear):
            found.append(body[0])
            body = body[0].body
        return tuple(found)

    @cached_property
    def swept(self) -> Mapping[int, tuple[Sweep, int]]:
        """Slots that linear axes sweep: slot -> what its axis does to it, and the number of points."""
        return {sweep.slot: (sweep, loop.count) for loop in self.loops if isinstance(loop, Linear) for sweep in loop.sweeps}

    @cached_property
    def slot_kinds(self) -> NDArray[np.str_]:
        """Kind of each slot: ``str[slots]``, read-only."""
        found = np.array([slot.kind for slot in self.slots], "U9")
        found.setflags(write=False)
        return found

    @cached_property
    def samples(self) -> NDArray[np.int64]:
        """Samples that each event lasts on its port's own clock: ``int64[events]``, read-only.

        A play lasts as its envelope, a capture as its kernel; without one as many whole samples as fit into its ticks.
        """
        lengths = np.array([wave.duration for wave in self.waveforms] or [0], np.int64)
        waveform = self.events["waveform"]
        bare = waveform < 0
        samples = np.asarray(lengths[waveform])
        if bare.any():
            ratios = [self.clock.dt / port.clock.dt for port in self.ports]
            # exact: a product of ticks and a numerator may pass 63 bits
            numerator = np.array([ratio.numerator for ratio in ratios], object)
            denominator = np.array([ratio.denominator for ratio in ratios], object)
            port, ticks = self.events["port"][bare], self.events["duration"][bare].astype(object)
            samples[bare] = (ticks * numerator[port] // denominator[port]).astype(np.int64)
        samples.setflags(write=False)
        return samples

    @cached_property
    def captures(self) -> NDArray[np.bool_]:
        """Whether each event is a capture: ``bool[events]``, read-only."""
        # of an enumeration's member NumPy makes an array first, which takes twenty times as long
        found = np.asarray(self.events["operation"] == int(Operation.CAPTURE))
        found.setflags(write=False)
        return found

    @cached_property
    def stored(self) -> tuple[tuple[int, int], ...]:
        """Pairs of a port and a waveform that any event has, ascending."""
        used = np.zeros((len(self.ports), len(self.waveforms) + 1), bool)
        used[self.events["port"], self.events["waveform"]] = True
        ports, waveforms = used[:, :-1].nonzero()  # NONE is the last one
        return tuple(zip(ports.tolist(), waveforms.tolist(), strict=True))

    @cached_property
    def block_of_event(self) -> NDArray[np.int64]:
        """Number of the straight block, in the order of first events, that holds each event: ``int64[events]``, read-only."""
        firsts = np.array(sorted({b.first for b in self.straight_blocks() if b.last > b.first}), np.int64)
        found = np.searchsorted(firsts, np.arange(len(self.events)), side="right") - 1
        found.setflags(write=False)
        return found

    @property
    def realtime(self) -> Body:
        """What one shot of one point plays: the body inside the data loops."""
        return self.loops[-1].body if self.loops else self.body

    @property
    def sweep_shape(self) -> tuple[int, ...]:
        """Lengths of the linear axes in the order of their nesting, outermost first.

        Results have shape ``(rows, *sweep_shape, shots, ...)``.
        """
        return tuple(loop.count for loop in self.loops if isinstance(loop, Linear))

    def columns_returning(self, kind: str) -> list[int]:
        """Columns whose results of one kind come back, in the order of the result's last axis.

        Args:
            kind: ``bits``, ``iq`` (single shots), ``mean`` (IQ averaged over shots), ``raw`` or ``raw_mean``.
        """
        return list(self._returning[kind])

    @cached_property
    def _returning(self) -> Mapping[str, list[int]]:
        returned = [(index, column) for index, column in enumerate(self.columns) if column.returned]
        return {kind: [index for index, column in returned if wanted(column)] for kind, wanted in _RETURNS.items()}

    @cached_property
    def duration(self) -> int | None:
        """Ticks of one shot, None if it depends on a measured bit, a variable or a slot."""
        return duration_of(self.realtime)

    def straight_blocks(self) -> list[Straight]:
        """All straight blocks in playing order."""
        return list(self._straight)

    @cached_property
    def _straight(self) -> tuple[Straight, ...]:
        return tuple(block for block in walk(self.body) if isinstance(block, Straight))


_RETURNS: dict[str, Callable[[Column], bool]] = {
    "bits": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.IQ,
    "iq": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.BIT and not c.average,
    "mean": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.BIT and c.average,
    "raw": lambda c: c.acquisition is Acquisition.RAW and not c.average,
    "raw_mean": lambda c: c.acquisition is Acquisition.RAW and c.average,
}


def _record(part: Any) -> Any:
    """What JSON does not know: a frozen dataclass as a list that begins with its type's name, a clock, a number of NumPy's."""
    kind = type(part)
    if kind is Clock:
        return str(part.dt)
    if isinstance(part, np.generic):
        return part.item()
    return [kind.__name__, *_numbers(kind)(part)]  # type: ignore[arg-type]


@cache
def _numbers(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """What reads the fields of a dataclass."""
    names = [field.name for field in fields(kind)]
    return attrgetter(*names) if len(names) > 1 else lambda part: (getattr(part, names[0]),)


_TEXT = json.JSONEncoder(default=_record).encode
