"""What is asked for when a session or batch is opened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What the group of jobs means to the device."""

    DEDICATED = "dedicated"
    """While it is active, its jobs are the only ones that start."""

    BATCH = "batch"
    """Its jobs run one after the other as far as that is fair to others."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a user asks for when they open a session. Limits are s.

    Attributes:
        backend: The device.
        mode: Dedicated, or a batch.
        max_ttl: Longest time from its first start to its end.
        interactive_ttl: Longest time that it stays active while none of its jobs runs.
        active_ttl: Longest time that it may stay active in one go.
        calibration_id: The calibration that it begins with.
        request_key: The user's own name for this request; the same key never makes a second session.
        digest: Hash of the whole body, to recognise a repeated request.
    """

    backend: str
    mode: Mode
    max_ttl: int
    interactive_ttl: int
    active_ttl: int | None = None
    calibration_id: str | None = None
    request_key: str | None = None
    digest: bytes = b""
