"""The protocol: bytes in, bytes out, no sockets. PROTOCOL.md of this room is its specification."""

from qpu_bridge.wire.codec import decode, encode, request_of
from qpu_bridge.wire.frame import MAX_FRAME, MAX_FRAMES, Frame
from qpu_bridge.wire.messages import (
    NO_REQUEST,
    PROTOCOL,
    Abort,
    Aborted,
    Ack,
    Alive,
    Answer,
    Ask,
    Failure,
    Heartbeat,
    Hello,
    Load,
    Loaded,
    Message,
    Part,
    Play,
    Welcome,
)

__all__ = [
    "MAX_FRAME",
    "MAX_FRAMES",
    "NO_REQUEST",
    "PROTOCOL",
    "Abort",
    "Aborted",
    "Ack",
    "Alive",
    "Answer",
    "Ask",
    "Failure",
    "Frame",
    "Heartbeat",
    "Hello",
    "Load",
    "Loaded",
    "Message",
    "Part",
    "Play",
    "Welcome",
    "decode",
    "encode",
    "request_of",
]
