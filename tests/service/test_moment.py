"""Times are UTC, whoever writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from qpu_bridge.errors import BadRequest
from qpu_bridge.service.moment import to_moment, to_text

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T12:00:00Z",
        "2026-11-21T12:00:00",
        "2026-11-21T12:00:00.000000+00:00",
        "2026-11-21T13:30:00+01:30",
        "2026-11-21T13:30:00 01:30",
        "2026-11-21T07:00:00-05:00",
        "2026-11-21 12:00:00",
    ],
)
def test_reading(text: str) -> None:
    assert to_moment(text, "created_after") == NOON


@pytest.mark.parametrize("text", ["", "noon", "1", "2026-13-01", "0001-01-01T00:00:00+05:00", "2026-11-21T12:00:00+99:00"])
def test_refusing(text: str) -> None:
    with pytest.raises(BadRequest, match="created_after"):
        to_moment(text, "created_after")


def test_writing() -> None:
    assert to_text(NOON) == "2026-11-21T12:00:00.000000Z"
    assert to_text(NOON.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-21T12:00:00.000000Z"
    assert to_text(None) is None
