"""The tables of a template: JSON text to ports, frames, slots, columns, variables and the tree of blocks.

The text is `Schedule.tables`, byte for byte, because the digest covers it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qpu_bridge.errors import ProtocolError
from qpu_bridge.schedule import (
    Acquisition,
    Apply,
    Assign,
    Bits,
    Body,
    Branch,
    Column,
    Constant,
    Discriminator,
    Linear,
    Operator,
    Output,
    Port,
    PortKind,
    Read,
    Repeat,
    Rows,
    Shots,
    Slot,
    SlotKind,
    SlotValue,
    Straight,
    Sweep,
    Variable,
    VariableKind,
    While,
)
from qpu_bridge.schedule import Frame as Carrier
from qpu_bridge.units import Clock
from qpu_bridge.wire.frame import MAX_TABLES, Frame
from qpu_bridge.wire.record import (
    Reader,
    choice,
    clock,
    common,
    constant,
    inside,
    many,
    number,
    one_of,
    optional,
    record,
    switch,
    text,
    whole,
)


@dataclass(frozen=True, slots=True)
class Tables:
    """All of a schedule but its waveforms and events, and how many of those there are."""

    clock: Clock
    waveforms: int
    events: int
    ports: tuple[Port, ...]
    frames: tuple[Carrier, ...]
    slots: tuple[Slot, ...]
    columns: tuple[Column, ...]
    variables: tuple[Variable, ...]
    body: Body


_EXPRESSIONS: dict[str, tuple[type[Any], tuple[Reader, ...]]] = {}
_expression = one_of(_EXPRESSIONS)
_EXPRESSIONS |= {
    "Constant": (Constant, (constant,)),
    "Bits": (Bits, (many(whole),)),
    "Read": (Read, (whole,)),
    "SlotValue": (SlotValue, (whole,)),
    "Apply": (Apply, (choice(Operator), many(_expression), choice(VariableKind), whole)),
}

_BLOCKS: dict[str, tuple[type[Any], tuple[Reader, ...]]] = {}
_body = many(one_of(_BLOCKS))
_BLOCKS |= {
    "Straight": (Straight, (whole, whole, whole, whole)),
    "Assign": (Assign, (whole, _expression)),
    "Branch": (Branch, (_expression, _body, _body)),
    "Repeat": (Repeat, (whole, _body, whole)),
    "While": (While, (_expression, _body, whole)),
    "Shots": (Shots, (_body,)),
    "Rows": (Rows, (_body,)),
    "Linear": (Linear, (many(record(Sweep, whole, number, number)), whole, _body)),
}

_discriminator = record(Discriminator, number, number)
_TABLES: tuple[Reader, ...] = (
    many(common(Port, text, choice(PortKind), clock)),
    many(common(Carrier, text, whole, number)),
    many(common(Slot, choice(SlotKind), optional(whole))),
    many(common(Column, text, choice(Acquisition), choice(Output), switch, optional(_discriminator), switch)),
    many(record(Variable, text, choice(VariableKind), whole)),
    _body,
)
_NAMES = ("ports", "frames", "slots", "columns", "variables", "body")


def read_tables(frame: Frame) -> Tables:
    """The tables in a frame of JSON text.

    Raises:
        ProtocolError: If the text is too long, is not JSON, or holds anything but the records of PROTOCOL.md.
    """
    if len(frame) > MAX_TABLES:
        raise ProtocolError(f"a template's tables must have at most {MAX_TABLES} bytes", given=len(frame))
    try:
        document = json.loads(str(frame, "ascii"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a template's tables must be JSON", given=f"{type(error).__name__}: {error}"[:200]) from None
    if type(document) is not list or len(document) != 2 + len(_TABLES):
        raise ProtocolError(f"a template's tables must be a list of {2 + len(_TABLES)}")
    sizes = many(whole)(document[1], 0)
    if len(sizes) != 2 or min(sizes) < 0:
        raise ProtocolError("the second of a template's tables must be the numbers of waveforms and of events")
    parts: list[Any] = []
    for name, reader, part in zip(_NAMES, _TABLES, document[2:], strict=True):
        try:
            parts.append(reader(part, 0))
        except ProtocolError as error:
            raise inside(error, name) from None
    return Tables(clock(document[0], 0), sizes[0], sizes[1], *parts)


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is not a finite number")
