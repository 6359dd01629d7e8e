"""Frames: the buffers a message is made of, and the limits that are checked before anything is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from qpu_bridge.errors import ProtocolError

Frame: TypeAlias = bytes | memoryview

MAX_FRAMES = 64
"""Frames of one message, the header included."""
MAX_FRAME = 2**30
"""Bytes of one frame."""
MAX_HEADER = 2**17
"""Bytes of the header frame."""
MAX_TABLES = 2**24
"""Bytes of a template's tables."""
MAX_CAPABILITIES = 2**23
"""Bytes of a capability document."""


def check_frames(frames: Sequence[Frame]) -> None:
    """Refuse a message of too many or too large frames, or of none.

    Raises:
        ProtocolError: With the limit.
    """
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise ProtocolError(f"a message must have 1 to {MAX_FRAMES} frames", given=len(frames))
    if len(frames[0]) > MAX_HEADER:
        raise ProtocolError(f"a header must have at most {MAX_HEADER} bytes", given=len(frames[0]))
    if (longest := max(map(len, frames))) > MAX_FRAME:
        raise ProtocolError(f"a frame must have at most {MAX_FRAME} bytes", given=longest)


def expect(frames: Sequence[Frame], count: int, kind: str) -> None:
    """Refuse a message whose number of frames after the header is not the one its kind has.

    Raises:
        ProtocolError: With the number.
    """
    if len(frames) != count:
        raise ProtocolError(f"a message of kind {kind} must have {count} frames after its header", given=len(frames))
