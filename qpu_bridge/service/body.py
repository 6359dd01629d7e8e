"""A JSON object and the exact text of each of its members: what is stored must be what was received."""

from __future__ import annotations

import json
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from qpu_bridge.errors import BadRequest, UnsupportedOption

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Member:
    """A member's value, and its text as it stood in the body."""

    value: Any
    text: str


def split(raw: bytes) -> dict[str, Member]:
    """Read a JSON object, member by member.

    Raises:
        BadRequest: If the body is not UTF-8, not one JSON object, nested too deeply, or names a member twice.
    """
    try:
        return _split(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest("the body must be UTF-8", given=error.reason, where=f"byte {error.start}") from None
    except RecursionError:
        raise BadRequest("the body must not be nested deeply", where="body") from None
    except json.JSONDecodeError as error:
        raise BadRequest("the body must be a JSON object", given=error.msg, where=f"character {error.pos}") from None
    except ValueError as error:
        # Python refuses to read integers of thousands of digits, which take quadratic time.
        raise BadRequest("the body must be a JSON object", given=str(error)[:100], where="body") from None


def split_known(raw: bytes, known: Set[str]) -> dict[str, Member]:
    """Read a JSON object that may hold these members and no others.

    Raises:
        BadRequest: As `split` does.
        UnsupportedOption: Naming the members that are not known.
    """
    members = split(raw)
    unknown = sorted(members.keys() - known)
    if unknown:
        raise UnsupportedOption("all fields must be known", given=", ".join(unknown)[:200], where="body")
    return members


def _split(text: str) -> dict[str, Member]:
    members: dict[str, Member] = {}
    place = _expect(text, 0, "{")
    if text[place : place + 1] == "}":
        return _ended(text, place + 1, members)
    while True:
        if text[place : place + 1] != '"':
            raise json.JSONDecodeError("a member's name must be a string", text, place)
        name, place = _DECODER.raw_decode(text, place)
        start = _expect(text, place, ":")
        value, end = _DECODER.raw_decode(text, start)
        if name in members:
            raise BadRequest("a member must be named once", given=name[:64], where="body")
        members[name] = Member(value, text[start:end])
        place = _skip(text, end)
        if text[place : place + 1] == "}":
            return _ended(text, place + 1, members)
        place = _expect(text, place, ",")


def _ended(text: str, place: int, members: dict[str, Member]) -> dict[str, Member]:
    if _skip(text, place) != len(text):
        raise json.JSONDecodeError("nothing must follow the object", text, place)
    return members


def _expect(text: str, place: int, mark: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != mark:
        raise json.JSONDecodeError(f"{mark} must be here", text, place)
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return place if match is None else match.end()
