"""The messages: what the two peers of PROTOCOL.md say to each other, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from qpu_bridge.driver import Capabilities, Chunk, Run, Status
from qpu_bridge.errors import BridgeError
from qpu_bridge.schedule import Schedule

PROTOCOL = 1
"""Number of the protocol; a peer refuses any other. Golden bytes in the tests change only together with it."""

NO_REQUEST = bytes(16)
"""Request id of an error that answers a message too broken to have one; in `Abort` and `Heartbeat`, none in particular."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Client: who are you and what can you do."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """Server: this is the device; ``incarnation`` (8 bytes) is drawn when the server starts."""

    incarnation: bytes
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Load:
    """Client: keep this template."""

    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Loaded:
    """Server: the template with this digest is held."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Play:
    """Client: do this run, and send at most ``window`` chunks that I have not acknowledged.

    Attributes:
        incarnation: Server that was planned with; a server that has started anew refuses, so that no run is played twice.
        window: Chunks in flight, 1 to 64.
        run: What is played.
    """

    incarnation: bytes
    window: int
    run: Run


@dataclass(frozen=True, slots=True)
class Part:
    """Server: the next rows of a run; ``last`` says that all of them have been sent and that the device is idle."""

    last: bool
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Ack:
    """Client: this many more chunks of the run (the message's request id) have been taken. Not answered."""

    count: int


@dataclass(frozen=True, slots=True)
class Abort:
    """Client: stop this run, or with `NO_REQUEST` whatever runs."""

    run: bytes


@dataclass(frozen=True, slots=True)
class Aborted:
    """Server: the device has been told, if there was anything to stop; the run itself ends with an `Error`."""

    stopped: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Client: how is the device."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Server: this is how it is."""

    status: Status


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Client: I am here, and I wait for this request (or none)."""

    waiting: bytes


@dataclass(frozen=True, slots=True)
class Alive:
    """Server: so am I; ``pending`` says whether I know of the request that you wait for."""

    incarnation: bytes
    pending: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Server: the request ended with this error."""

    error: BridgeError


Message: TypeAlias = (
    Hello | Welcome | Load | Loaded | Play | Part | Ack | Abort | Aborted | Ask | Answer | Heartbeat | Alive | Failure
)
