"""Events: one row per play or capture."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

NONE = -1
"""An index column that points at nothing."""


class Operation(IntEnum):
    """What an event does."""

    PLAY = 0
    CAPTURE = 1


EVENT = np.dtype(
    [
        ("start", "<i8"),  # ticks of the schedule's clock since the start of the straight block
        ("duration", "<i8"),  # ticks of the schedule's clock
        ("operation", "<u1"),
        ("port", "<u2"),
        ("frame", "<u2"),
        ("waveform", "<i4"),  # envelope of a play; kernel of a capture, NONE = unit weights
        ("amplitude", "<f8"),  # full scale; times the slot, if any
        ("phase", "<f8"),  # rad, absolute at the event's own carrier (origin: start of the shot); plus the slot, if any
        ("frequency", "<f8"),  # Hz; plus the slot, if any
        ("amplitude_slot", "<i4"),
        ("phase_slot", "<i4"),
        ("frequency_slot", "<i4"),
        ("phase_variable", "<i4"),  # real-time variable added to the phase (virtual Z inside a branch or loop)
        ("column", "<i4"),  # where a capture writes
    ]
)
"""Layout of an event, packed, little-endian; it crosses the wire as it is."""
