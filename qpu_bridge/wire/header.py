"""The header frame: protocol number, request id, kind, and a flat map of fields, in MessagePack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from operator import itemgetter
from typing import Any, TypeAlias

import msgpack

from qpu_bridge.errors import ProtocolError
from qpu_bridge.wire.frame import MAX_HEADER, Frame
from qpu_bridge.wire.messages import NO_REQUEST, PROTOCOL

Body: TypeAlias = Mapping[str, Any]

MAX_ITEMS = 256
"""Entries of any array or map in a header."""

_WORDS: Mapping[type, str] = {
    int: "int",
    float: "float (not an integer)",
    str: "str",
    bytes: "bin",
    bool: "bool",
    list: "array",
    dict: "map",
    type(None): "nil",
}
"""MessagePack's names of types."""


def pack(request: bytes, kind: str, body: Body) -> bytes:
    """The header frame.

    Raises:
        ProtocolError: If it would be longer than a peer accepts.
    """
    try:
        data = bytes(msgpack.packb([PROTOCOL, request, kind, body]))
    except (OverflowError, TypeError, ValueError) as error:
        raise ProtocolError("a header must hold plain values of at most 64 bits", given=str(error), where=kind) from None
    if len(data) > MAX_HEADER:
        raise ProtocolError(f"a header must have at most {MAX_HEADER} bytes", given=len(data), where=kind)
    return data


def unpack(frame: Frame) -> tuple[bytes, str, Body]:
    """Request id, kind and fields of a header frame.

    Raises:
        ProtocolError: If it is not a header, or of another protocol.
    """
    header = _value(frame)
    if not isinstance(header, list) or not header or type(header[0]) is not int:
        raise ProtocolError("a header must be an array that begins with the protocol number")
    if header[0] != PROTOCOL:
        raise ProtocolError(
            f"both peers must speak protocol {PROTOCOL}", given=str(header[0]), remedy="Update the older of the two."
        )
    if len(header) != 4:
        raise ProtocolError("a header must have 4 entries: protocol, request, kind, body", given=len(header))
    _, request, kind, body = header
    if type(request) is not bytes or len(request) != len(NO_REQUEST):
        raise ProtocolError(f"a request id must be {len(NO_REQUEST)} bytes")
    if type(kind) is not str or type(body) is not dict:
        raise ProtocolError("a header's kind must be text and its body a map")
    return request, kind, body


def request_in(frame: Frame) -> bytes:
    """Request id of a header, of whatever protocol number, if one stands at its place; else `NO_REQUEST`.

    Raises:
        ProtocolError: If the frame is not MessagePack.
    """
    header = _value(frame)
    found = header[1] if isinstance(header, list) and len(header) > 1 else None
    return found if type(found) is bytes and len(found) == len(NO_REQUEST) else NO_REQUEST


def _value(frame: Frame) -> Any:
    try:
        return msgpack.unpackb(
            frame,
            raw=False,
            strict_map_key=True,
            max_str_len=MAX_HEADER,
            max_bin_len=MAX_HEADER,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_ext_len=0,
        )
    except (ValueError, msgpack.UnpackException, RecursionError, TypeError) as error:
        raise ProtocolError("a header must be one MessagePack value", given=f"{type(error).__name__}: {error}"[:200]) from None


class Form:
    """What a kind of message has: for each field its name and the types that it may have.

    All allowed combinations of types are listed beforehand, so that a good message is known by one look.
    """

    def __init__(self, **types: type | tuple[type, ...]) -> None:
        self._types = {name: allowed if isinstance(allowed, tuple) else (allowed,) for name, allowed in types.items()}
        # as getters in C: a loop here takes longer than all of MessagePack
        self._pick: Callable[[Body], tuple[Any, ...]] = (
            itemgetter(*types) if len(types) > 1 else lambda body: tuple([body[name] for name in types])
        )
        self._good = frozenset(product(*self._types.values()))

    def read(self, kind: str, body: Body) -> tuple[Any, ...]:
        """Values of exactly the fields of the form, in its order, each of exactly one of its types.

        Raises:
            ProtocolError: If a field is missing, unknown, or of another type.
        """
        try:
            values = self._pick(body)
        except KeyError:
            values = ()
        if not len(body) == len(values) == len(self._types):
            wrong = sorted(map(str, body.keys() ^ self._types.keys()))[:8]
            raise ProtocolError(
                f"a {kind} must have exactly the fields {', '.join(self._types)}", given=f"a difference in {wrong}"
            )
        if tuple(map(type, values)) not in self._good:
            for (name, allowed), value in zip(self._types.items(), values, strict=True):
                if type(value) not in allowed:
                    words = " or ".join(_WORDS.get(type_, type_.__name__) for type_ in allowed)
                    raise ProtocolError(
                        f"field {name} of a {kind} must be {words}", given=_WORDS.get(type(value), type(value).__name__)
                    )
        return values


def within(kind: str, name: str, value: int, low: int, high: int) -> int:
    """The value, if it lies between the bounds, both included.

    Raises:
        ProtocolError: If not.
    """
    if not low <= value <= high:
        raise ProtocolError(f"field {name} of a {kind} must be from {low} to {high}", given=str(value))
    return value


def key(kind: str, name: str, value: bytes, length: int) -> bytes:
    """The value, if it has so many bytes.

    Raises:
        ProtocolError: If not.
    """
    if len(value) != length:
        raise ProtocolError(f"field {name} of a {kind} must be {length} bytes", given=len(value))
    return value
