"""A submitted job: every field is honoured or refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from qpu_bridge.errors import BadRequest, NotFound, UnsupportedOption
from qpu_bridge.jobs import Mode, Opening, Request
from qpu_bridge.service.backends import find, mocks
from qpu_bridge.service.body import Member, split_known
from qpu_bridge.service.openings import opening, seconds
from qpu_bridge.service.parts import Parts

MOST_TAGS = 8
LONGEST_TAG = 86
LONGEST_CALIBRATION = 128
LONGEST_SESSION = 36
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

SESSION = ("session_id", "start_session", "session_time")

REFUSED: Mapping[str, str] = {
    "runtime": "There is one runtime: submit the job without an image.",
}
"""Fields of the published API that cannot be honoured, and what to do."""

KNOWN = frozenset(
    {"program_id", "backend", "params", "tags", "log_level", "cost", "calibration_id", "private", *SESSION, *REFUSED}
)


def read(parts: Parts, raw: bytes, key: str | None) -> Request:
    """The request in a body; without a ``cost`` if it names none: how long it takes is not known yet.

    Args:
        parts: For the devices.
        raw: The body.
        key: The header ``Idempotency-Key``.

    Raises:
        CallerError: Naming the field that is wrong.
    """
    members = split_known(raw, KNOWN)
    for field, remedy in REFUSED.items():
        if field in members and members[field].value:
            raise UnsupportedOption("the option must not be used", where=field, remedy=remedy)
    if "params" not in members or not isinstance(members["params"].value, dict):
        raise BadRequest("params must be a JSON object", where="params")
    backend = _backend(parts, _word(members, "backend"))
    return Request(
        program_id=_word(members, "program_id"),
        backend=backend,
        params=members["params"].text.encode("utf-8"),
        tags=tags(members["tags"].value) if "tags" in members else (),
        log_level=_level(members),
        cost=_cost(parts, members),
        calibration_id=_calibration(parts, backend, members),
        session_id=_session(members, backend in parts.devices),
        opening=_opening(parts, backend, members),
        private=_private(members),
        key=key,
        digest=hashlib.sha256(raw).digest(),
    )


def tags(value: Any) -> tuple[str, ...]:
    """Tags from JSON: at most 8 of at most 86 characters.

    Raises:
        BadRequest: If they are something else.
    """
    if value is None:
        return ()
    fits = isinstance(value, list) and len(value) <= MOST_TAGS
    if not fits or not all(isinstance(tag, str) and 1 <= len(tag) <= LONGEST_TAG and _encodes(tag) for tag in value):
        raise BadRequest(f"tags must be a list of at most {MOST_TAGS} texts of 1 to {LONGEST_TAG} characters", where="tags")
    return tuple(dict.fromkeys(value))


def _encodes(text: str) -> bool:
    # JSON can spell half a character ("\ud800"), which no database stores.
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _word(members: Mapping[str, Member], field: str) -> str:
    value = members[field].value if field in members else None
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable():
        raise BadRequest(f"{field} must be a text of 1 to 64 characters", where=field)
    return value


def _backend(parts: Parts, name: str) -> str:
    if name in parts.devices or name in mocks(parts):
        return name
    names = ", ".join(parts.devices)
    raise BadRequest("the backend must exist", given=name, where="backend", remedy=f"Available: {names}.")


def _level(members: Mapping[str, Member]) -> str:
    value = members["log_level"].value if "log_level" in members else None
    if value is None:
        return "WARNING"
    if not isinstance(value, str) or value.upper() not in LEVELS:
        raise BadRequest(f"log_level must be one of {', '.join(LEVELS)}", given=str(value)[:64], where="log_level")
    return value.upper()


def _cost(parts: Parts, members: Mapping[str, Member]) -> int | None:
    value = members["cost"].value if "cost" in members else None
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise BadRequest("the longest device time must be a whole number of seconds, 1 or more", where="cost")
    return parts.limits.execution_s(value)


def _private(members: Mapping[str, Member]) -> bool:
    value = members["private"].value if "private" in members else None
    if value is not None and not isinstance(value, bool):
        raise BadRequest("private must be true or false", where="private")
    return bool(value)


def _session(members: Mapping[str, Member], real: bool) -> str | None:
    value = members["session_id"].value if "session_id" in members else None
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_SESSION:
        raise BadRequest(f"a session's id must be a text of 1 to {LONGEST_SESSION} characters", where="session_id")
    # a dry run keeps no device busy, so it is no part of the session from which it is asked for
    return value if real else None


def _opening(parts: Parts, backend: str, members: Mapping[str, Member]) -> Opening | None:
    """The session that a job starts, as the first generations of the client asked for it."""
    start = members["start_session"].value if "start_session" in members else None
    if start is not None and not isinstance(start, bool):
        raise BadRequest("start_session must be true or false", where="start_session")
    time_s = seconds(members, "session_time")
    if not start:
        if time_s is not None:
            raise BadRequest("session_time must come with start_session", given=time_s, where="session_time")
        return None
    if "session_id" in members and members["session_id"].value is not None:
        raise BadRequest("a job must not start a session and belong to another one", where="start_session")
    if backend not in parts.devices:
        raise BadRequest("a session must name a device", given=backend, where="backend", remedy="A dry run needs no session.")
    return opening(parts, backend, Mode.DEDICATED, max_ttl=time_s)


def _calibration(parts: Parts, backend: str, members: Mapping[str, Member]) -> str | None:
    value = members["calibration_id"].value if "calibration_id" in members else None
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_CALIBRATION:
        raise BadRequest(f"a calibration's name must be a text of 1 to {LONGEST_CALIBRATION} characters", where="calibration_id")
    try:
        return find(parts, backend, value).snapshot.calibration_id
    except NotFound as error:
        # a 404 would say that the address is wrong
        raise BadRequest(error.must, given=error.given, where=error.where, remedy=error.remedy) from None
