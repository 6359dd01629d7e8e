"""The ledger: which requests a server knows, so that none is done twice and each can be stopped. Shared by its two threads."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

from qpu_bridge.wire import NO_REQUEST, Frame

SESSION = 8
"""The first bytes of a request id name the client's session."""
KEPT_BYTES = 65536
"""Largest reply that is kept to be sent again."""
_KEPT = 64
_REMEMBERED = 4096


@dataclass
class Ledger:
    """Requests that wait, run, or are done.

    Attributes:
        current: Run that the device plays, or `NO_REQUEST`.
        ending: Held by who ends the current run, and by who aborts it at the driver: an abort must not hit the run after it.
        leaving: Set when the server has been told to end: the driver gets no more work, and is about to be closed.
    """

    current: bytes = NO_REQUEST
    ending: Lock = field(default_factory=Lock)
    leaving: Event = field(default_factory=Event)
    _pending: dict[bytes, str | None] = field(default_factory=dict)
    _unseen: OrderedDict[bytes, str] = field(default_factory=OrderedDict)
    _done: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _replies: OrderedDict[bytes, list[bytes]] = field(default_factory=OrderedDict)
    _heard: OrderedDict[bytes, float] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def open(self, request: bytes) -> None:
        """A request has come; it is pending until `close`."""
        with self._lock:
            self._pending.setdefault(request, self._unseen.pop(request, None))

    def pending(self, request: bytes) -> bool:
        """Whether a request waits or runs, or may wait in the socket behind one that does."""
        return request in self._pending or (bool(self._pending) and request not in self._done)

    def done(self, request: bytes) -> bool:
        """Whether a request has been answered."""
        return request in self._done

    def reply(self, request: bytes) -> list[bytes] | None:
        """The whole answer to a request that was done, if it was small and not long ago."""
        return self._replies.get(request)

    def close(self, request: bytes, reply: Sequence[Frame] | None) -> None:
        """A request is answered; keep the answer if it is small."""
        with self._lock:
            self._pending.pop(request, None)
            self._done[request] = None
            if len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)
            if reply is not None and sum(map(len, reply)) <= KEPT_BYTES:
                self._replies[request] = [bytes(frame) for frame in reply]
                if len(self._replies) > _KEPT:
                    self._replies.popitem(last=False)

    def forget(self, request: bytes) -> None:
        """What came under this name was no request."""
        with self._lock:
            self._pending.pop(request, None)

    def cancel(self, request: bytes, reason: str) -> bool:
        """Mark a pending request (`NO_REQUEST`: the current run) as not wanted any more; False if there is no such.

        One that has not come yet, since it waits in the socket behind a load, is not wanted when it comes.
        """
        with self._lock:
            which = self.current if request == NO_REQUEST else request
            if which not in self._pending:
                if which != NO_REQUEST and which not in self._done:
                    self._unseen[which] = reason
                    if len(self._unseen) > _KEPT:
                        self._unseen.popitem(last=False)
                return False
            self._pending[which] = self._pending[which] or reason
            return True

    def cancelled(self, request: bytes) -> str | None:
        """Why a request is not wanted any more, or None."""
        return self._pending.get(request)

    def heard(self, request: bytes) -> None:
        """Something has come from the session of this request."""
        session = request[:SESSION]
        self._heard[session] = time.monotonic()
        if len(self._heard) > _REMEMBERED:
            with self._lock:
                self._heard.move_to_end(session)
                self._heard.popitem(last=False)

    def begun(self, request: bytes) -> None:
        """A run of this session begins, which may have been asked for long ago: a sign of life if there was none before."""
        self._heard.setdefault(request[:SESSION], time.monotonic())

    def silence_s(self, request: bytes) -> float:
        """Seconds since something came from the session of this request; 0 if it was never heard."""
        return time.monotonic() - self._heard.get(request[:SESSION], time.monotonic())
