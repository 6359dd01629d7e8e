"""Times as the API writes and reads them: ISO 8601, UTC. The client would misread any other zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from qpu_bridge.errors import BadRequest

UNESCAPED = re.compile(r"(T.*) (\d\d:?\d\d)$")


def to_text(moment: datetime | None) -> str | None:
    """ISO 8601 with a final Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def to_moment(text: str, field: str) -> datetime:
    """A time from ISO 8601; without a zone it is UTC.

    Raises:
        BadRequest: If it is something else.
    """
    try:
        # A plus sign that nobody escaped in a URL arrives as a blank.
        moment = datetime.fromisoformat(UNESCAPED.sub(r"\1+\2", text.strip()))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest("a time must be ISO 8601", given=text[:64], where=field) from None
