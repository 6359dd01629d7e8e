"""Works that alternate at a device: while it plays for one, another plans or fits."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

from qpu_bridge.execution.watch import POLL_S
from qpu_bridge.target import Snapshot
from qpu_calibration.plan import Plan

T = TypeVar("T")
P = TypeVar("P")

LANES = 2
"""Works under way at a time: one that is played for, and one that computes. More would only wait."""


SWITCH_S = 5e-4
"""For how long who computes may keep the interpreter from who plays, s: a tenth of Python's own, which each schedule would wait
for several times."""


@dataclass(frozen=True)
class Order:
    """What a work wants to have played.

    Attributes:
        routine: For which routine.
        plan: What.
        snapshot: What it was written with.
    """

    routine: str
    plan: Plan
    snapshot: Snapshot


@dataclass(frozen=True)
class Played:
    """What came of an order.

    Attributes:
        numbers: As of `measure.play`.
        shots: Played for it.
        device_s: Device time it took, s.
        device_ns: What the device's clock said at its end, ns.
    """

    numbers: NDArray[Any]
    shots: int
    device_s: float
    device_ns: int | None = None


Work = Generator[Order, Played, T]
"""Yields what it wants to have played, is sent what came of it, and returns what it is for."""
More = Callable[[], Work[T] | None]
"""Gives a work that may begin now; None if there is none before one that is under way has ended, or none at all any more."""


class Device(Protocol[P]):
    """What plays."""

    def prepare(self, order: Order) -> P:
        """Take an order over. Orders are played in the order in which they are taken over."""

    def then(self, prepared: P | None) -> None:
        """Hear what is to be played after what is played now; None, while nothing is played, if nothing is any more."""

    def play(self, prepared: P, stopped: Callable[[], bool]) -> Played:
        """Play an order; called in a thread. What is left of it is not begun once ``stopped`` says so."""

    def wanted(self) -> bool:
        """Whether somebody wants it back."""

    def stop(self) -> None:
        """Stop what is played at this moment, if anything is."""


def alone(work: Work[T], device: Device[P]) -> T:
    """Do one work."""
    one = iter([work])
    (result,) = alternate(lambda: next(one, None), device)
    return result


def alternate(more: More[T], device: Device[P]) -> Generator[T, None, None]:
    """Do works, two at a time.

    In which order the device plays for them hangs on the works alone, not on how long anything takes. A work begins as late as
    it can without making the device wait.

    Args:
        more: What to do; asked whenever another work may begin, perhaps while the device plays.
        device: Plays for them; it is stopped if somebody wants it back, or a work fails.

    Yields:
        What each has come to, in the order of their ends. Until the caller asks for the next one no work goes on, and the device
        plays on only as far as it was told.

    Raises:
        Exception: Whatever a work, ``more`` or the device raises, after what had been done before; works under way are closed.
    """
    lanes = _Lanes(more, device.prepare)
    stopped = Event()
    with ExitStack() as held:
        held.callback(lanes.close)
        held.callback(device.then, None)
        # whatever happens, it has ended before anything is called back
        thread = held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="device"))
        held.callback(stopped.set)
        while lanes.busy:
            flight = None
            with _prompt():
                if lanes.ready:
                    work, order = lanes.ready.popleft()
                    # so that what is logged there says what it is about
                    flight = thread.submit(copy_context().run, device.play, order, stopped.is_set)
                failure = lanes.compute(flying=flight is not None)
                if flight is not None:
                    if failure is None and lanes.ready:
                        device.then(lanes.ready[0][1])
                    failure = _landed(flight, failure, stopped, device)
                    if failure is None:
                        lanes.landed = work, flight.result()
            yield from lanes.ended()
            if failure is not None:
                raise failure


@contextmanager
def _prompt() -> Iterator[None]:
    """Let the thread that plays have the interpreter soon after it has heard from the device."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _landed(flight: Future[Played], failure: BaseException | None, stopped: Event, device: Device[P]) -> BaseException | None:
    """Wait for the device, which is stopped if something failed meanwhile or somebody wants it; what failed."""
    if failure is not None:
        stopped.set()
    while not flight.done():
        try:
            wait([flight], POLL_S)
            # again and again: a stop that comes between two schedules finds nothing to stop
            if not flight.done() and (stopped.is_set() or device.wanted()):
                stopped.set()
                device.stop()
        except BaseException as interrupt:  # noqa: BLE001  the device must not go on, whatever it is
            stopped.set()
            failure = interrupt
    return failure or flight.exception()


class _Lanes(Generic[T, P]):
    """Works that are to be played for, that were, and that are done."""

    def __init__(self, more: More[T], prepare: Callable[[Order], P]) -> None:
        self.ready: deque[tuple[Work[T], P]] = deque()
        self.landed: tuple[Work[T], Played] | None = None
        self._more, self._prepare = more, prepare
        self._asks = True
        self._begun: list[Work[T]] = []
        self._done: list[T] = []

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self._begun) or self._asks

    def compute(self, flying: bool) -> BaseException | None:
        """Go on with what was played for, and begin another work if the device would have to wait for one; what failed."""
        try:
            if self.landed is not None:
                (work, played), self.landed = self.landed, None
                self._advance(work, lambda: work.send(played))
            if len(self._begun) < LANES and (flying or not self.ready):
                self._begin()
        except BaseException as error:  # noqa: BLE001  the device is stopped first, whatever it is
            return error
        return None

    def ended(self) -> Iterator[T]:
        """What works have come to since this was asked last."""
        while self._done:
            yield self._done.pop(0)

    def close(self) -> None:
        """Close what is under way."""
        for work in self._begun:
            work.close()

    def _begin(self) -> None:
        work = self._more()
        self._asks = work is not None
        if work is not None:
            self._begun.append(work)
            self._advance(work, lambda: next(work))

    def _advance(self, work: Work[T], go: Callable[[], Order]) -> None:
        try:
            order = go()
        except StopIteration as end:
            self._begun.remove(work)
            self._done.append(end.value)
        else:
            self.ready.append((work, self._prepare(order)))
