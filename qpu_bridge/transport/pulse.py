"""The pulse: a thread that asks a server every half second whether it lives, and says when it does not."""

from __future__ import annotations

import os
import socket as sockets
import time
from contextlib import suppress
from itertools import count
from threading import Condition, Thread

import zmq
from zmq.utils.monitor import parse_monitor_message

from qpu_bridge.errors import BridgeError, DriverLost
from qpu_bridge.transport.keys import ClientKeys
from qpu_bridge.transport.socket import Context, Socket, dealer, receive, send
from qpu_bridge.wire import NO_REQUEST, Alive, Heartbeat, decode, encode

_UNKNOWN = 3
"""So many heartbeats in a row must say that the server does not know a request before it counts as lost."""
_EVENTS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class Pulse:
    """Watches one server.

    Attributes:
        losses: How often the server was lost. Whoever waits for a reply notes the number when asking, and gives up when it grows.
        reason: Why, the last time.
        alive: Whether the last sign was one of life.
        forgotten: Request that the server says it does not know (any more): its reply went astray.
        waiting: Request that somebody waits for, or `NO_REQUEST`.

    Args:
        context: ZeroMQ context.
        endpoint: Watch line.
        keys: CURVE keys.
        session: First bytes of the ids of all requests of this client.
        heartbeat_s: Between two heartbeats.
        patience_s: A heartbeat that is not answered for so long means that the server hangs.
    """

    def __init__(
        self, context: Context, endpoint: str, keys: ClientKeys | None, session: bytes, heartbeat_s: float, patience_s: float
    ) -> None:
        self.losses = 0
        self.reason = ""
        self.forgotten = NO_REQUEST
        self.waiting = NO_REQUEST
        self.alive = False
        self._context, self._endpoint, self._keys = context, endpoint, keys
        self._session = session
        self._heartbeat_s, self._patience_s = heartbeat_s, patience_s
        self._ids = count(2**63)  # the upper half of the numbers is the pulse's
        self._incarnation = b""
        self._heard = 0
        self._asked_at: float | None = None
        self._asked_of = NO_REQUEST
        self._unknown = 0
        self._change = Condition()
        self._near, self._far = sockets.socketpair()
        self._stopped = False
        self._thread = Thread(target=self._beat, name="driver-pulse", daemon=True)
        self._thread.start()

    @property
    def heard(self) -> int:
        """How many heartbeats have been answered."""
        return self._heard

    def wait(self, heard: int, losses: int, timeout_s: float) -> bool:
        """Wait until more heartbeats were answered, or the server was lost more often, than said; False if neither in time."""
        with self._change:
            return self._change.wait_for(lambda: self._heard > heard or self.losses > losses or self._stopped, timeout_s)

    def require(self, timeout_s: float) -> None:
        """Wait for a sign of life, unless there was one lately.

        Raises:
            DriverLost: If none comes in time.
        """
        if self.alive:
            return
        with self._change:
            if not self._change.wait_for(lambda: self.alive or self._stopped, timeout_s):
                reason = self.reason or f"no sign of life within {timeout_s} s"
                raise DriverLost("a driver must be there to be given work", given=reason, where=self._endpoint)

    def stop(self) -> None:
        """End the thread."""
        with self._change:
            if self._stopped:
                return
            self._stopped = True
            self._change.notify_all()
        self._near.send(b"x")
        self._thread.join()
        self._near.close()
        self._far.close()

    def _beat(self) -> None:
        socket = dealer(self._context, self._endpoint, self._keys, 0)
        monitor = socket.get_monitor_socket(_EVENTS)
        poller = zmq.Poller()
        for source in (socket, monitor, self._far):
            poller.register(source, zmq.POLLIN)
        due = 0.0
        while not self._stopped:
            now = time.monotonic()
            if now >= due:
                due = now + self._heartbeat_s
                self._ask(socket, now)
            # known before it is listened: an answer may be there, and only this thread have had no processor for so long
            late = self._asked_at is not None and now - self._asked_at > self._patience_s
            ready = dict(poller.poll(max(1, int(1000 * (due - time.monotonic())))))
            if socket in ready:
                self._listen(socket)
            if monitor in ready:
                self._notice(monitor)
            if late and self._asked_at is not None:
                self._asked_at = None
                if self.alive:  # who is not there cannot be lost
                    self._lose(f"it has not answered a heartbeat for {self._patience_s} s")
        socket.disable_monitor()
        monitor.close(0)
        socket.close(0)

    def _ask(self, socket: Socket, now: float) -> None:
        if self._asked_at is None:
            request = self._session + next(self._ids).to_bytes(8, "big")
            if self._asked_of != self.waiting:
                self._asked_of, self._unknown = self.waiting, 0
            with suppress(zmq.Again):
                send(socket, encode(request, Heartbeat(self._asked_of)))
            self._asked_at = now

    def _listen(self, socket: Socket) -> None:
        while True:
            try:
                message = decode(receive(socket, zmq.NOBLOCK))[1]
            except zmq.Again:
                return
            except BridgeError as error:
                self._lose(f"it does not speak our protocol: {error}")
                return
            if not isinstance(message, Alive):
                continue
            self._asked_at = None
            if self._incarnation not in (b"", message.incarnation):
                self._lose("it has been started anew")
            self._incarnation = message.incarnation
            self._unknown = self._unknown + 1 if self._asked_of != NO_REQUEST and not message.pending else 0
            if self._unknown >= _UNKNOWN:
                self.forgotten, self.reason = self._asked_of, "it does not know our request (any more)"
            with self._change:
                self._heard += 1
                self.alive = True
                self._change.notify_all()

    def _notice(self, monitor: Socket) -> None:
        event = parse_monitor_message(monitor.recv_multipart())["event"]
        if event == zmq.EVENT_DISCONNECTED:
            self._lose("the connection broke")
        else:
            self._lose("it refused the connection: are the keys right, and on its list?")

    def _lose(self, reason: str) -> None:
        self._asked_at, self._unknown = None, 0
        with self._change:
            self.reason = reason
            self.losses += 1
            self.alive = False
            self._change.notify_all()


def new_session() -> bytes:
    """A name for this client that no other has: 8 random bytes."""
    return os.urandom(8)
