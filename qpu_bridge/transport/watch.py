"""The watch line of a server: it answers at once, whatever the device is doing."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Event

import zmq

from qpu_bridge.driver import Capabilities, Driver
from qpu_bridge.errors import BridgeError, DriverFault, DriverLeft, ProtocolError
from qpu_bridge.transport.ledger import Ledger
from qpu_bridge.transport.socket import Socket, receive, send
from qpu_bridge.wire import (
    NO_REQUEST,
    Abort,
    Aborted,
    Alive,
    Answer,
    Ask,
    Failure,
    Frame,
    Heartbeat,
    Hello,
    Message,
    Welcome,
    decode,
    encode,
    request_of,
)

_log = logging.getLogger(__name__)


class WatchLine:
    """Hello, status, abort and heartbeat.

    Args:
        driver: Whom to ask.
        capabilities: Its document.
        incarnation: Of the server.
        ledger: Shared with the work line.
        vanish_s: A client whose run is on and that is silent for so long has gone: its run is stopped.
    """

    def __init__(self, driver: Driver, capabilities: Capabilities, incarnation: bytes, ledger: Ledger, vanish_s: float) -> None:
        self._driver = driver
        self._welcome = Welcome(incarnation, capabilities)
        self._incarnation = incarnation
        self._ledger = ledger
        self._vanish_s = vanish_s

    def serve(self, socket: Socket, stop: Event) -> None:
        """Answer until told to stop, then close the socket."""
        while not stop.is_set():
            try:
                identity, *frames = receive(socket)
            except zmq.Again:
                frames = []
            try:
                if frames:
                    send(socket, [identity, *self.answer(frames)])
            except zmq.ZMQError:
                _log.info("a client left before it was answered")
            self._sweep()
        socket.close(0)

    def answer(self, frames: list[Frame]) -> list[Frame]:
        """The reply to a message."""
        return answered(frames, self._reply)

    def _reply(self, request: bytes, message: Message) -> Message:
        self._ledger.heard(request)
        match message:
            case Heartbeat(waiting):
                return Alive(self._incarnation, self._ledger.pending(waiting))
            case Ask() if self._ledger.leaving.is_set():
                raise DriverLeft("a driver must be open to say how it is", given="it is about to end")
            case Ask():
                return Answer(self._driver.status())
            case Abort(run):
                return Aborted(self._cancel(run, "somebody asked for it"))
            case Hello():
                return self._welcome
            case _:
                raise ProtocolError("the watch line takes hello, status, abort and heartbeat", given=type(message).__name__)

    def _cancel(self, run: bytes, reason: str) -> bool:
        found = self._ledger.cancel(run, reason)
        self._abort_current()
        return found

    def _sweep(self) -> None:
        current = self._ledger.current
        if current != NO_REQUEST and self._ledger.silence_s(current) > self._vanish_s:
            self._ledger.cancel(current, f"its client has not been heard of for {self._vanish_s} s")
        # again, should the driver have been told in the moment before its run began
        self._abort_current()

    def _abort_current(self) -> None:
        with self._ledger.ending:
            current = self._ledger.current
            if current != NO_REQUEST and self._ledger.cancelled(current) and not self._ledger.leaving.is_set():
                try:
                    self._driver.abort()
                except Exception as error:  # noqa: BLE001 - a driver that cannot stop must not take the watch line with it
                    _log.error("the driver's abort failed: %s: %s", type(error).__name__, error)


def answered(frames: list[Frame], reply: Callable[[bytes, Message], Message]) -> list[Frame]:
    """Frames of the reply to a message; whatever goes wrong becomes an error message, and the process lives."""
    request = NO_REQUEST
    try:
        request, message = decode(frames)
        return encode(request, reply(request, message))
    except Exception as error:  # noqa: BLE001 - the peer is told, the process lives
        return encode(request_of(frames), Failure(as_bridge_error(error)))


def as_bridge_error(error: Exception) -> BridgeError:
    """The error itself, or a fault that names it: the wire carries only our own."""
    if isinstance(error, BridgeError):
        return error
    _log.error("a driver raised what it must not", exc_info=error)
    return DriverFault(
        "a driver must raise only the errors of its contract",
        given=f"{type(error).__name__}: {error}"[:500],
        where=_place(error),
    )


def _place(error: Exception) -> str:
    """Class of the driver that an error came through, and the last line of its package."""
    steps = list(traceback.walk_tb(error.__traceback__))
    drivers = [frame for frame, _ in steps if isinstance(frame.f_locals.get("self"), Driver)]
    if not drivers:
        return ""
    cls = type(drivers[-1].f_locals["self"])
    home = Path(drivers[-1].f_code.co_filename).parent
    file, line = [(frame.f_code.co_filename, line) for frame, line in steps if home in Path(frame.f_code.co_filename).parents][-1]
    return f"{cls.__module__}.{cls.__qualname__}, {file}:{line}"
