"""A line: one socket of a client, on which requests go out and replies come back, with a deadline for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import zmq

from qpu_bridge.errors import DriverLost, ProtocolError
from qpu_bridge.transport.pulse import Pulse
from qpu_bridge.transport.socket import Socket, receive, send
from qpu_bridge.wire import NO_REQUEST, Failure, Frame, Message, decode, encode

SLICE_MS = 20
"""How long the loss of a server may go unnoticed by who waits for a reply."""
LOOK_MS, SOON_S = 3, 0.2
"""How often who waits for a reply does what else there is to do, and for how long: of what takes longer, 20 ms are little."""


class Line:
    """Used by one thread at a time.

    Args:
        connect: Makes the socket; its receives wait `SLICE_MS`.
        pulse: Says when the server is lost.
        endpoint: For the words of errors.
    """

    def __init__(self, connect: Callable[[], Socket], pulse: Pulse, endpoint: str) -> None:
        self._connect = connect
        self._pulse = pulse
        self._endpoint = endpoint
        self._socket: Socket | None = None
        self._losses = 0

    def send(self, request: bytes, message: Message) -> None:
        """Send, and remember how often the server had been lost until now."""
        frames = encode(request, message)
        if self._socket is None:
            self._socket = self._connect()
        self._losses = self._pulse.losses
        self.push(frames)

    def add(self, request: bytes, message: Message) -> None:
        """Send something that belongs to the last request."""
        self.push(encode(request, message))

    def push(self, frames: Sequence[Frame]) -> None:
        """Send frames of something that is to be done after the last request."""
        if self._socket is None:
            raise self._lost("the line is closed")
        try:
            send(self._socket, frames)
        except zmq.Again:
            raise self._lost("it takes no more messages") from None

    def receive(self, request: bytes, deadline_s: float, meanwhile: Callable[[], None] | None = None) -> Message:
        """The next message that answers the request; what answers older ones is dropped.

        Args:
            request: Which.
            deadline_s: From now on.
            meanwhile: Called again and again until it is there.

        Raises:
            DriverLost: If the server is lost, or nothing comes in time.
            BridgeError: What the server says went wrong.
        """
        now = began = time.monotonic()
        while True:
            if self._socket is None:
                raise self._lost("the line is closed")
            self._socket.rcvtimeo = SLICE_MS if meanwhile is None or now - began > SOON_S else LOOK_MS
            try:
                frames = receive(self._socket)
            except zmq.Again:
                now = time.monotonic()
                if self._pulse.losses != self._losses or self._pulse.forgotten == request:
                    raise self._lost(self._pulse.reason) from None
                if now - began > deadline_s:
                    raise self._lost(f"no answer within {deadline_s} s") from None
                if meanwhile is not None:
                    meanwhile()
                continue
            answered, message = decode(frames)
            if answered == request:
                if isinstance(message, Failure):
                    raise message.error
                return message
            if answered == NO_REQUEST and isinstance(message, Failure):
                raise ProtocolError("the server must understand us", given=str(message.error))

    @property
    def whole(self) -> bool:
        """Whether the server was not lost since the last `send`: what was added since may still be answered."""
        return self._socket is not None and self._pulse.losses == self._losses

    def ask(self, request: bytes, message: Message, deadline_s: float) -> Message:
        """Send and receive."""
        self.send(request, message)
        return self.receive(request, deadline_s)

    def close(self) -> None:
        """Close the socket; what it has not sent is dropped."""
        if self._socket is not None:
            self._socket.close(0)
            self._socket = None

    def _lost(self, reason: str) -> DriverLost:
        # a request that is still on its way must not reach a server that comes later
        self.close()
        return DriverLost("a driver must be there to answer", given=reason, where=self._endpoint)
