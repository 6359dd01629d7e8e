"""The client: a driver that is somewhere else, behind the same contract as one in this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from math import prod
from threading import Lock
from typing import TypeVar

import zmq

from qpu_bridge.driver import Capabilities, Chunk, Run, Status, Upcoming
from qpu_bridge.errors import Cancelled, DriverFault, DriverLost, NotLoaded, ProtocolError
from qpu_bridge.schedule import Schedule
from qpu_bridge.transport.endpoint import lines
from qpu_bridge.transport.keys import ClientKeys, require_keys
from qpu_bridge.transport.line import SLICE_MS, Line
from qpu_bridge.transport.pulse import Pulse, new_session
from qpu_bridge.transport.queue import Queue, Sent
from qpu_bridge.transport.socket import Context, dealer
from qpu_bridge.wire import (
    NO_REQUEST,
    Abort,
    Aborted,
    Ack,
    Answer,
    Ask,
    Hello,
    Load,
    Loaded,
    Message,
    Part,
    Play,
    Welcome,
    encode,
)

M = TypeVar("M", bound=Message)
_KEPT = 256


class RemoteDriver:
    """Implements `driver.Driver` and `driver.TakesAhead` over ZeroMQ.

    `status`, `abort` and `close` may be called from any thread, also during a run.

    A template is sent once. A server that has started anew is given it again, without a word, when a run needs it; a run
    that was under way when the server was lost raises `errors.DriverLost` and is never sent twice.

    Args:
        endpoint: Watch line of the server.
        keys: CURVE keys; needed by any endpoint that leaves this machine.
        context: ZeroMQ context, for ``inproc://``.
        answer_s: Deadline of hello, status and abort; also how long to wait for a server that is not up yet.
        load_s: Deadline of a load.
        chunk_s: Deadline of each chunk of a run, beside twice the time that the pulses of the whole run take.
        heartbeat_s: Between two heartbeats.
        patience_s: A server that does not answer a heartbeat for so long is lost.
        window: Chunks that the server may send ahead.

    Raises:
        SettingsError: If the endpoint is not usable, or needs keys.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        keys: ClientKeys | None = None,
        context: Context | None = None,
        answer_s: float = 10.0,
        load_s: float = 120.0,
        chunk_s: float = 600.0,
        heartbeat_s: float = 0.5,
        patience_s: float = 3.0,
        window: int = 16,
    ) -> None:
        require_keys(endpoint, keys)
        watch, work = lines(endpoint)
        shared = context or zmq.Context.instance()
        self._answer_s, self._load_s, self._chunk_s, self._window = answer_s, load_s, chunk_s, window
        self._session = new_session()
        self._ids = count(1)
        self._pulse = Pulse(shared, watch, keys, self._session, heartbeat_s, patience_s)
        self._watch = Line(partial(dealer, shared, watch, keys, SLICE_MS), self._pulse, endpoint)
        self._work = Line(partial(dealer, shared, work, keys, SLICE_MS), self._pulse, endpoint)
        self._watch_lock, self._work_lock = Lock(), Lock()
        self._welcome: Welcome | None = None
        self._held: OrderedDict[bytes, Schedule] = OrderedDict()
        self._queue = Queue()
        self._more: Upcoming = _nothing
        self._told: Upcoming = _nothing
        self._asks: Upcoming = _nothing
        self._current = self._latest = NO_REQUEST
        self._incarnation = b""
        self._aborted: Sequence[bytes] = ()
        self._closed = False
        self._deadline_s = chunk_s

    def capabilities(self) -> Capabilities:
        """See `Driver.capabilities`; asked once."""
        return (self._welcome or self._hello()).capabilities

    def load(self, schedule: Schedule) -> None:
        """See `Driver.load`; a template that was sent before is not sent again."""
        if schedule.digest in self._held:
            return
        self._take_work_line(self._load_s)
        try:
            self._send_template(schedule)
        finally:
            self._work_lock.release()

    def ahead(self, more: Upcoming) -> None:
        """See `TakesAhead.ahead`; what is lost on the way with the server is sent again in its turn."""
        self._more = more

    def call_back(self, more: Upcoming) -> None:
        """See `TakesAhead.call_back`; without effect if the server is lost."""
        if self._more == more:
            self._more = _nothing
        if self._told == more and not self._closed:
            self._call_back()

    def run(self, run: Run) -> Iterator[Chunk]:
        """See `Driver.run`."""
        self._take_work_line(0)
        try:
            part = self._first_part(run)
            while not part.last:
                yield part.chunk
                self._work.add(self._current, Ack(1))
                part = self._next_part()
        except GeneratorExit:
            with suppress(DriverLost):
                self.abort()
            raise
        finally:
            self._current = self._pulse.waiting = NO_REQUEST
            self._asks = _nothing
            if not self._queue:
                # of who has done with us nothing is kept
                self._told = _nothing
            self._work_lock.release()
        yield part.chunk

    def abort(self) -> None:
        """See `Driver.abort`."""
        # The latest by its name, for it may end here and another begin. The queue before it, for the next may take its place.
        # Both again, for who fills the queue looks only afterwards whether it was aborted.
        runs: tuple[bytes, ...] = ()
        while new := [run for run in (*reversed(self._queue.runs), self._latest) if run not in runs]:
            runs = self._aborted = (*runs, *new)
        for run in runs:
            _expect(self._ask_watch(Abort(run)), Aborted)

    def status(self) -> Status:
        """See `Driver.status`."""
        return _expect(self._ask_watch(Ask()), Answer).status

    def close(self) -> None:
        """Let go of the server, which goes on for others."""
        if self._closed:
            return
        self._closed = True
        self._pulse.stop()
        with self._watch_lock:
            self._watch.close()
        if self._work_lock.acquire(blocking=False):
            self._work.close()
            self._work_lock.release()

    def _take_work_line(self, timeout_s: float) -> None:
        if self._closed:
            raise DriverFault("a driver must not be closed to be used")
        free = self._work_lock.acquire(timeout=0 if self._current != NO_REQUEST else timeout_s)
        if not free:
            raise DriverFault("a device must be idle to be given work", given="a run that is still being read")

    def _first_part(self, run: Run) -> Part:
        try:
            return self._start(run)
        except NotLoaded:
            schedule = self._held.pop(run.digest, None)
            if schedule is None:
                raise
        self._held.clear()  # the server has started anew, or has given the room to others
        self._hello()
        refused = self._current
        self._send_template(schedule)
        return self._start(run, refused)

    def _start(self, run: Run, refused: bytes | None = None) -> Part:
        self._pulse.require(self._answer_s)
        self._incarnation = (self._welcome or self._hello()).incarnation
        self._deadline_s = self._chunk_s + 2 * self._length_s(run)
        self._asks = self._told = self._more
        self._more = _nothing
        sent = self._on_its_way(run)
        self._current = self._latest = self._pulse.waiting = self._next_id() if sent is None else sent.request
        if refused in self._aborted:
            raise Cancelled("a run must not be aborted to give all of its rows")
        if sent is None:
            self._work.send(self._current, Play(self._incarnation, self._window, run))
        else:
            self._queue.pop()
        self._send_ahead()
        return self._next_part()

    def _next_part(self) -> Part:
        part = _expect(self._work.receive(self._current, self._deadline_s, self._send_ahead), Part)
        while self._current in self._aborted and not part.last:
            self._work.add(self._current, Ack(1))
            part = _expect(self._work.receive(self._current, self._deadline_s), Part)
        if self._current in self._aborted:
            raise Cancelled("a run must not be aborted to give all of its rows")
        return part

    def _length_s(self, run: Run) -> float:
        """How long the pulses of a run take; 0 where that is known only while they are played."""
        schedule = self._held.get(run.digest)
        if schedule is None or schedule.duration is None:
            return 0.0
        limits = self.capabilities().limits
        delay_s = limits.default_rep_delay_s if run.rep_delay_s is None else run.rep_delay_s
        shots = len(run.table) * prod(schedule.sweep_shape) * run.shots
        return shots * (schedule.duration * float(schedule.clock.dt) + delay_s)

    def _send_ahead(self) -> None:
        """Send what is to be loaded and played after this run, as far as it is known by now."""
        try:
            for schedule, run in self._asks():
                if run not in self._queue and self._current not in self._aborted:
                    if schedule.digest not in self._held and not self._queue.holds(schedule.digest):
                        self._send_later(schedule, Load(schedule))
                    self._send_later(run, Play(self._incarnation, self._window, run))
        except ProtocolError:
            # what cannot be sent at all is said in its turn
            self._asks = _nothing
        if self._current in self._aborted:
            self._call_back()

    def _send_later(self, what: Schedule | Run, message: Message) -> None:
        request = self._next_id()
        frames = encode(request, message)
        # before it leaves: an abort must find it
        self._queue.add(Sent(what, request))
        self._work.push(frames)

    def _on_its_way(self, what: Schedule | Run) -> Sent | None:
        """The next to come, if it is this; else what is on its way is called back: something else is wanted, or this anew."""
        sent = self._queue.first(what)
        if sent is not None and self._work.whole and sent.request not in self._aborted:
            return sent
        self._call_back()
        return None

    def _call_back(self) -> None:
        # also where the line was lost: the server may live, and have it
        with suppress(DriverLost):
            for run in reversed(self._queue.runs if self._pulse.alive else ()):
                self._ask_watch(Abort(run))
        if len(self._queue) and not self._work.whole:
            # it must not reach a server that comes later
            self._work.close()
        self._queue.clear()

    def _send_template(self, schedule: Schedule) -> None:
        self._pulse.require(self._answer_s)
        sent = self._on_its_way(schedule)
        request = self._pulse.waiting = self._next_id() if sent is None else sent.request
        try:
            if sent is None:
                self._work.send(request, Load(schedule))
            else:
                self._queue.pop()
            _expect(self._work.receive(request, self._load_s), Loaded)
        finally:
            self._pulse.waiting = NO_REQUEST
        self._held[schedule.digest] = schedule
        if len(self._held) > _KEPT:
            self._held.popitem(last=False)

    def _hello(self) -> Welcome:
        self._welcome = _expect(self._ask_watch(Hello()), Welcome)
        return self._welcome

    def _ask_watch(self, message: Message) -> Message:
        with self._watch_lock:
            return self._watch.ask(self._next_id(), message, self._answer_s)

    def _next_id(self) -> bytes:
        return self._session + next(self._ids).to_bytes(8, "big")


def _nothing() -> Sequence[tuple[Schedule, Run]]:
    return ()


def _expect(message: Message, kind: type[M]) -> M:
    if not isinstance(message, kind):
        raise ProtocolError(f"a server must answer with {kind.__name__}", given=type(message).__name__)
    return message
