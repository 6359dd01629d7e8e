"""The layout of events is part of the wire: a change here is a change of the protocol."""

from __future__ import annotations

from qpu_bridge.schedule import EVENT, Operation

LAYOUT = {
    "start": ("<i8", 0),
    "duration": ("<i8", 8),
    "operation": ("|u1", 16),
    "port": ("<u2", 17),
    "frame": ("<u2", 19),
    "waveform": ("<i4", 21),
    "amplitude": ("<f8", 25),
    "phase": ("<f8", 33),
    "frequency": ("<f8", 41),
    "amplitude_slot": ("<i4", 49),
    "phase_slot": ("<i4", 53),
    "frequency_slot": ("<i4", 57),
    "phase_variable": ("<i4", 61),
    "column": ("<i4", 65),
}


def test_an_event_is_sixty_nine_packed_bytes() -> None:
    assert EVENT.fields is not None
    assert {name: (kind.str, offset) for name, (kind, offset) in EVENT.fields.items()} == LAYOUT
    assert EVENT.itemsize == 69
    assert (Operation.PLAY, Operation.CAPTURE) == (0, 1)
