"""Blocks: the order in which straight runs of events are played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.expression import Expression

MAX_DEPTH = 48
"""Records inside records: blocks in blocks, and the expressions in them; the wire carries no more."""


@dataclass(frozen=True, slots=True)
class Straight:
    """Events ``[first, last)`` of the schedule, their starts counted from the start of this block.

    Attributes:
        first: First event.
        last: One past the last event.
        duration: Ticks until the next block starts. All events end by then.
        duration_slot: A slot (in ticks, a whole number) added to the duration, or NONE: a wait that is swept.
    """

    first: int
    last: int
    duration: int
    duration_slot: int = NONE


@dataclass(frozen=True, slots=True)
class Assign:
    """Set a real-time variable; takes no time."""

    variable: int
    value: Expression


@dataclass(frozen=True, slots=True)
class Branch:
    """Play ``then`` if the condition is true, else ``otherwise``; the decision itself takes no time.

    The wait for the measured bits (the device's latency) is part of the straight block before.
    """

    condition: Expression
    then: Body
    otherwise: Body = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """Play the body ``count`` times in real time; ``variable`` (or NONE) counts from 0."""

    count: int
    body: Body
    variable: int = NONE


@dataclass(frozen=True, slots=True)
class While:
    """Play the body while the condition holds, at most ``maximum`` times (then the device reports a fault)."""

    condition: Expression
    body: Body
    maximum: int


@dataclass(frozen=True, slots=True)
class Shots:
    """Repeat the body once per shot. Each iteration of the innermost data loop is one shot of one point."""

    body: Body


@dataclass(frozen=True, slots=True)
class Rows:
    """Repeat the body once per row of the table."""

    body: Body


@dataclass(frozen=True, slots=True)
class Sweep:
    """What an axis does to one slot: iteration ``k`` sets it to ``start + k * step``."""

    slot: int
    start: float
    step: float


@dataclass(frozen=True, slots=True)
class Linear:
    """An axis of ``count`` points that sweeps one slot or several together (a wait and the phase that goes with it)."""

    sweeps: tuple[Sweep, ...]
    count: int
    body: Body


DataLoop: TypeAlias = Shots | Rows | Linear
Block: TypeAlias = Straight | Assign | Branch | Repeat | While | Shots | Rows | Linear
Body: TypeAlias = tuple[Block, ...]


def children(block: Block) -> tuple[Body, ...]:
    """The bodies inside a block."""
    if isinstance(block, Straight):
        return ()
    if isinstance(block, Branch):
        return (block.then, block.otherwise)
    if isinstance(block, Repeat | While | Shots | Rows | Linear):
        return (block.body,)
    return ()


def walk(body: Body) -> Iterator[Block]:
    """All blocks, outer before inner, in playing order."""
    for block in body:
        yield block
        for inner in children(block):
            yield from walk(inner)


def duration_of(body: Body) -> int | None:
    """Ticks that a body takes; None if it depends on a measured bit, a variable or a slot (unless both arms are equal)."""
    parts = [_duration(block) for block in body]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _duration(block: Block) -> int | None:
    if isinstance(block, Straight):
        return block.duration if block.duration_slot == NONE else None
    if isinstance(block, Assign):
        return 0
    inner = {duration_of(body) for body in children(block)}
    if len(inner) > 1 or isinstance(block, While | Shots | Rows):
        return None
    once = inner.pop()
    return once if once is None or isinstance(block, Branch) else once * block.count
