"""Stopping a device that is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from qpu_bridge.errors import OperatorError

POLL_S = 0.05
"""How often a running job asks whether it was cancelled, s."""


@contextmanager
def watch(cancelled: Callable[[], bool], abort: Callable[[], None]) -> Iterator[None]:
    """While inside, call ``abort`` from a thread as soon as ``cancelled`` says so.

    It is called again and again: an abort that comes just before a run begins may find nothing to stop.
    """
    leave = Event()

    def look() -> None:
        while not leave.wait(POLL_S):
            if cancelled():
                # a driver that cannot be reached says so to whoever reads the run as well
                with suppress(OperatorError):
                    abort()

    thread = Thread(target=look, name="cancellation", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()
