"""Tagged lists: the one form of the records in a template's tables, read by a strict white list of types.

A record is a JSON list: the name of its type, then its fields in order. Readers here are functions of (value, depth); what they
do not expect they refuse, and nothing that was received is looked up anywhere but in the tables of this module and of `tables`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from re import compile as pattern
from typing import Any, TypeAlias, TypeVar

from qpu_bridge.errors import ProtocolError
from qpu_bridge.schedule import MAX_DEPTH
from qpu_bridge.units import Clock

T = TypeVar("T")
Reader: TypeAlias = Callable[[object, int], Any]

_FRACTION = pattern(r"[1-9][0-9]{0,17}(/[1-9][0-9]{0,17})?")


def text(value: object, depth: int) -> str:
    """A name of at most 256 characters."""
    if type(value) is not str or len(value) > 256:
        raise ProtocolError("a name must be text of at most 256 characters", given=type(value).__name__)
    return value


def whole(value: object, depth: int) -> int:
    """An integer of 64 bits."""
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ProtocolError("a field must be a whole number of 64 bits", given=type(value).__name__)
    return value


def number(value: object, depth: int) -> int | float:
    """A finite number; an integer stays one, so that the digest stays the same."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is not int:
        raise ProtocolError("a field must be a finite number", given=str(value)[:32])
    return whole(value, depth)


def switch(value: object, depth: int) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise ProtocolError("a field must be true or false", given=type(value).__name__)
    return value


def constant(value: object, depth: int) -> bool | int | float:
    """A switch, an integer from 0 to 2**64 - 1, or a finite float."""
    if type(value) is bool or (type(value) is int and 0 <= value < 2**64):
        return value
    if type(value) is int:
        raise ProtocolError("a constant must not be negative or need more than 64 bits", given=str(value)[:32])
    return number(value, depth)


def clock(value: object, depth: int) -> Clock:
    """A clock, its tick an exact fraction of a second such as ``1/1000000000``."""
    if type(value) is not str or _FRACTION.fullmatch(value) is None:
        raise ProtocolError("a clock must be an exact fraction of a second", given=str(value)[:64])
    return _clock(value)


@lru_cache(maxsize=64)
def _clock(tick: str) -> Clock:
    """Most ports of a device have the same."""
    return Clock(Fraction(tick))


def choice(words: type[StrEnum]) -> Reader:
    """One of the words of an enumeration."""
    known = {word.value: word for word in words}

    def read(value: object, depth: int) -> StrEnum:
        if type(value) is not str or value not in known:
            raise ProtocolError(f"a field must be one of {', '.join(known)}", given=str(value)[:32])
        return known[value]

    return read


def optional(reader: Reader) -> Reader:
    """Null, or what the reader reads."""
    return lambda value, depth: None if value is None else reader(value, depth)


def many(reader: Reader) -> Reader:
    """A list of what the reader reads, as a tuple."""

    def read(value: object, depth: int) -> tuple[Any, ...]:
        if type(value) is not list:
            raise ProtocolError("a field must be a list", given=type(value).__name__)
        items: list[Any] = []
        try:
            for item in value:
                items.append(reader(item, depth))  # noqa: PERF401 - their number says which one was wrong
        except ProtocolError as error:
            raise inside(error, f"[{len(items)}]") from None
        return tuple(items)

    return read


def one_of(records: Mapping[str, tuple[type[Any], tuple[Reader, ...]]]) -> Reader:
    """A record of one of the listed types. The mapping may be filled later, for types that contain themselves."""

    def read(value: object, depth: int) -> Any:
        if type(value) is not list or not value or type(value[0]) is not str or value[0] not in records:
            tag = value[0] if type(value) is list and value else value
            raise ProtocolError(f"a record must be one of {', '.join(records)}", given=str(tag)[:32])
        if depth >= MAX_DEPTH:
            raise ProtocolError(f"records must be nested at most {MAX_DEPTH} deep")
        cls, readers = records[value[0]]
        if len(value) != len(readers) + 1:
            raise ProtocolError(f"a {value[0]} must have {len(readers)} fields", given=len(value) - 1)
        fields: list[Any] = []
        try:
            for reader, field in zip(readers, value[1:], strict=True):
                fields.append(reader(field, depth + 1))
        except ProtocolError as error:
            name = list(cls.__dataclass_fields__)[len(fields)]
            raise inside(error, f".{value[0]}.{name}") from None
        return cls(*fields)

    return read


def inside(error: ProtocolError, place: str) -> ProtocolError:
    """The error, with the place that surrounds it said first: ``body[2].Shots.body[0].Straight.start``."""
    return ProtocolError(error.must, given=error.given, where=place + error.where, remedy=error.remedy)


def record(cls: type[Any], *readers: Reader) -> Reader:
    """A record of one type."""
    return one_of({cls.__name__: (cls, readers)})


def common(cls: type[Any], *readers: Reader) -> Reader:
    """The same of records that templates have in common, such as the lines of their device: each is read once."""
    read = record(cls, *readers)

    @lru_cache(maxsize=4096, typed=True)
    def known(*parts: object) -> Any:
        return read(list(parts), 0)

    def find(value: object, depth: int) -> Any:
        try:
            return known(*value) if type(value) is list else read(value, depth)
        except TypeError:  # no key, for it holds a list
            return read(value, depth)

    return find
