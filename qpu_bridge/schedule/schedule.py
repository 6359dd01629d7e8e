"""The schedule: the one thing that is ever sent to a device."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.schedule.block import Block, Body, DataLoop, Linear, Rows, Shots, Straight, While, children, walk
from qpu_bridge.schedule.column import Acquisition, Column, Output
from qpu_bridge.schedule.event import EVENT
from qpu_bridge.schedule.expression import Variable
from qpu_bridge.schedule.port import Frame, Port
from qpu_bridge.schedule.slot import Slot
from qpu_bridge.schedule.waveform import Waveform
from qpu_bridge.units import Clock


@dataclass(frozen=True, eq=False)
class Schedule:
    """A template of pulses: immutable, equal by content, cheap to send.

    Rows of events inside one straight block are ordered by start; events at the same tick happen in the order of the rows.
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
        events.setflags(write=False)
        object.__setattr__(self, "events", events)

    @cached_property
    def digest(self) -> bytes:
        """Key of the content, 32 bytes: the device's cache key."""
        tables = [
            _plain(part) for part in (self.ports, self.frames, self.slots, self.columns, self.variables, self.body)
        ]
        state = blake2b(digest_size=32)
        state.update(json.dumps([str(self.clock.dt), *tables], sort_keys=True).encode())
        for waveform in self.waveforms:
            state.update(waveform.digest)
        state.update(self.events.tobytes())
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

    @property
    def realtime(self) -> Body:
        """What one shot of one point plays: the body inside the data loops."""
        return self.loops[-1].body if self.loops else self.body

    @property
    def sweep_shape(self) -> tuple[int, ...]:
        """Lengths of the linear axes, outermost first; results have shape ``(rows, *sweep_shape, shots, ...)``."""
        return tuple(loop.count for loop in self.loops if isinstance(loop, Linear))

    def columns_returning(self, kind: str) -> list[int]:
        """Columns whose results of one kind come back, in the order of the result's last axis.

        Args:
            kind: ``bits``, ``iq`` (single shots), ``mean`` (IQ averaged over shots), ``raw`` or ``raw_mean``.
        """
        wanted = {
            "bits": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.IQ,
            "iq": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.BIT and not c.average,
            "mean": lambda c: c.acquisition is Acquisition.INTEGRATED and c.output is not Output.BIT and c.average,
            "raw": lambda c: c.acquisition is Acquisition.RAW and not c.average,
            "raw_mean": lambda c: c.acquisition is Acquisition.RAW and c.average,
        }[kind]
        return [index for index, column in enumerate(self.columns) if column.returned and wanted(column)]

    @cached_property
    def duration(self) -> int | None:
        """Ticks of one shot, None if it depends on a measured bit, a variable or a slot. Both arms of a branch may be equal."""
        return _duration(self.realtime)

    def straight_blocks(self) -> list[Straight]:
        """All straight blocks in playing order."""
        return [block for block in walk(self.body) if isinstance(block, Straight)]


def _duration(body: Body) -> int | None:
    total = 0
    for block in body:
        part = _block_duration(block)
        if part is None:
            return None
        total += part
    return total


def _block_duration(block: Block) -> int | None:
    if isinstance(block, Straight):
        return block.duration if block.duration_slot < 0 else None
    inner = [_duration(body) for body in children(block)]
    if not inner:
        return 0
    if isinstance(block, While) or any(part is None or part != inner[0] for part in inner):
        return None
    count = getattr(block, "count", 1)
    return None if inner[0] is None else inner[0] * count


def _plain(part: Any) -> Any:
    """Nested tuples and frozen dataclasses as JSON lists that name their types."""
    if isinstance(part, tuple):
        return [_plain(item) for item in part]
    if isinstance(part, Clock):
        return str(part.dt)
    if hasattr(part, "__dataclass_fields__"):
        return [type(part).__name__, *(_plain(getattr(part, name)) for name in part.__dataclass_fields__)]
    return part
