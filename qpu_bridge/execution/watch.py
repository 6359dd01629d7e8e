"""Stopping a device that is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

POLL_S = 0.05
"""How often a running job asks whether it was cancelled, s."""


@contextmanager
def watch(cancelled: Callable[[], bool], abort: Callable[[], None]) -> Iterator[None]:
    """While inside, call ``abort`` once, from a thread, as soon as ``cancelled`` says so."""
    leave = Event()

    def look() -> None:
        while not leave.wait(POLL_S):
            if cancelled():
                abort()
                return

    thread = Thread(target=look, name="cancellation", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()
