"""The work line of a server: it loads and plays, one after the other, and streams what comes."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from threading import Event

import zmq

from qpu_bridge.driver import Chunk, Driver, check_chunk
from qpu_bridge.errors import BridgeError, Cancelled, DriverFault, DriverLeft, NotLoaded, ProtocolError
from qpu_bridge.schedule import Schedule
from qpu_bridge.transport.ledger import Ledger
from qpu_bridge.transport.socket import Socket, receive, send
from qpu_bridge.transport.watch import as_bridge_error
from qpu_bridge.wire import (
    NO_REQUEST,
    Ack,
    Failure,
    Frame,
    Load,
    Loaded,
    Message,
    Part,
    Play,
    decode,
    encode,
    request_of,
)

_log = logging.getLogger(__name__)
_QUEUE = 64
"""Requests that may wait while a run is on."""


class WorkLine:
    """Load and run.

    Args:
        driver: Who plays.
        incarnation: Of the server.
        ledger: Shared with the watch line.
        templates: How many are held.
        slow_s: A client that takes no chunk for so long loses its run.

    Attributes:
        idle: Set when the server leaves and nothing is asked of the driver any more.
    """

    def __init__(self, driver: Driver, incarnation: bytes, ledger: Ledger, templates: int, slow_s: float) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._ledger = ledger
        self._room = templates
        self._slow_s = slow_s
        self._held: OrderedDict[bytes, Schedule] = OrderedDict()
        self._waiting: deque[list[Frame]] = deque()
        self.idle = Event()
        self._socket: Socket

    def serve(self, socket: Socket, stop: Event) -> None:
        """Work until told to stop, then close the socket. Who asks for something while the server leaves is told so."""
        self._socket = socket
        while not stop.is_set():
            if self._ledger.leaving.is_set():
                self.idle.set()
            try:
                message = self._waiting.popleft() if self._waiting else receive(socket)
            except zmq.Again:
                continue
            self._take(message[0], message[1:])
        socket.close(0)

    def _take(self, identity: Frame, frames: list[Frame]) -> None:
        try:
            request, message = decode(frames)
        except Exception as error:  # noqa: BLE001 - the peer is told, the process lives
            request = request_of(frames)
            self._send(identity, encode(request, Failure(as_bridge_error(error))))
            self._ledger.forget(request)
            return
        if isinstance(message, Ack):
            return  # of a run that has ended meanwhile
        if self._ledger.done(request):
            self._repeat(identity, request)
            return
        self._ledger.open(request)
        reply: list[Frame] | None = None
        try:
            reply = self._do(identity, request, message)
        except Exception as error:  # noqa: BLE001 - the peer is told, the process lives
            reply = encode(request, Failure(self._failure(request, error)))
        finally:
            with self._ledger.ending:
                self._ledger.current = NO_REQUEST
            if reply is not None:
                self._send(identity, reply)
            # after the reply has left, which need not wait for our books; this thread alone would repeat it
            self._ledger.close(request, reply)

    def _failure(self, request: bytes, error: Exception) -> BridgeError:
        if self._ledger.leaving.is_set() and self._ledger.cancelled(request) is None:
            # whatever a driver says that is interrupted: nobody wanted that, and it may be taken up again when the driver is back
            return DriverLeft("a driver must be there until all rows are played", given="it was told to leave")
        return as_bridge_error(error)

    def _do(self, identity: Frame, request: bytes, message: Message) -> list[Frame] | None:
        if isinstance(message, Load):
            self._refuse_if_unwanted(request)
            return encode(request, self._load(message.schedule))
        if isinstance(message, Play):
            return self._play(identity, request, message)
        raise ProtocolError("the work line takes load, run and ack", given=type(message).__name__)

    def _load(self, schedule: Schedule) -> Loaded:
        self._driver.load(schedule)
        self._held[schedule.digest] = schedule
        self._held.move_to_end(schedule.digest)
        if len(self._held) > self._room:
            self._held.popitem(last=False)
        return Loaded(schedule.digest)

    def _play(self, identity: Frame, request: bytes, message: Play) -> list[Frame] | None:
        """Stream a run; returns the last message unsent, if it is the only one, so that it can be kept and sent again."""
        run = message.run
        schedule = self._held.get(run.digest)
        if schedule is None or message.incarnation != self._incarnation:
            raise NotLoaded("a template must be loaded into this server before it is run", given=run.digest.hex()[:16])
        self._held.move_to_end(run.digest)
        self._ledger.begun(request)
        self._ledger.current = request
        self._refuse_if_unwanted(request)
        row, credit, alone = 0, message.window, True
        chunks = self._driver.run(run)
        try:
            for chunk in chunks:
                check_chunk(schedule, run, chunk, row)
                row += chunk.rows
                if row == len(run.table):
                    _finish(chunks)
                    last = encode(request, Part(True, chunk))
                    if alone:
                        return last
                    credit = self._await_credit(request, credit)
                    self._send(identity, last)
                    return None
                self._refuse_if_unwanted(request)
                credit = self._await_credit(request, credit) - 1
                alone = False
                if not self._send(identity, encode(request, Part(False, chunk))):
                    self._driver.abort()
                    return None
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        raise DriverFault(f"a driver must give all {len(run.table)} rows", given=row)

    def _await_credit(self, request: bytes, credit: int) -> int:
        """Wait until the client has taken a chunk, if it must."""
        until = time.monotonic() + self._slow_s
        while credit < 1:
            self._refuse_if_unwanted(request)
            if time.monotonic() > until:
                self._driver.abort()
                raise Cancelled("a client must take its chunks", given=f"none for {self._slow_s} s")
            try:
                identity, *frames = receive(self._socket)
            except zmq.Again:
                continue
            credit += self._credit(request, identity, frames)
        return credit

    def _credit(self, request: bytes, identity: Frame, frames: list[Frame]) -> int:
        whose = request_of(frames) if frames else NO_REQUEST
        if whose == request:
            with suppress(ProtocolError):
                message = decode(frames)[1]
                return message.count if isinstance(message, Ack) else 0
        elif _is_ack(frames):
            return 0  # of the run before
        elif len(self._waiting) < _QUEUE:
            self._ledger.open(whose)
            self._waiting.append([identity, *frames])
        else:
            busy = DriverFault(f"at most {_QUEUE} requests may wait for a device")
            self._send(identity, encode(whose, Failure(busy)))
        return 0

    def _refuse_if_unwanted(self, request: bytes) -> None:
        if self._ledger.leaving.is_set():
            raise Cancelled("a run must not outlive its server")
        if (reason := self._ledger.cancelled(request)) is not None:
            raise Cancelled("a run must not be stopped to give all of its rows", given=reason)

    def _repeat(self, identity: Frame, request: bytes) -> None:
        reply: list[Frame] | None = list(self._ledger.reply(request) or ()) or None
        if reply is None:
            spent = ProtocolError("a request id must be used once", remedy="It was answered, and the answer is not kept.")
            reply = encode(request, Failure(spent))
        self._send(identity, reply)

    def _send(self, identity: Frame, frames: list[Frame]) -> bool:
        try:
            send(self._socket, [identity, *frames])
        except zmq.ZMQError as error:
            _log.warning("a client cannot be reached, its reply is dropped: %s", error)
            return False
        return True


def _is_ack(frames: list[Frame]) -> bool:
    # an ack is a header alone; others may take long to decode
    with suppress(BridgeError):
        return len(frames) == 1 and isinstance(decode(frames)[1], Ack)
    return False


def _finish(chunks: Iterator[Chunk]) -> None:
    """Let the driver end its run, so that the device is idle before the client hears of the last rows."""
    for _ in chunks:
        raise DriverFault("a driver must give no chunk after the last row")
