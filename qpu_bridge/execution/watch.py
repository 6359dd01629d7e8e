"""Stopping a device that is busy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from qpu_bridge.errors import OperatorError
from qpu_bridge.rounds import rounds

POLL_S = 0.05
"""How often a running job asks whether it was cancelled, s."""


@contextmanager
def watch(cancelled: Callable[[], bool], abort: Callable[[], None]) -> Iterator[None]:
    """While inside, call ``abort`` from a thread as soon as ``cancelled`` says so.

    It is called again and again: an abort that comes just before a run begins may find nothing to stop.
    """

    def look() -> None:
        if cancelled():
            # a driver that cannot be reached says so to whoever reads the run as well
            with suppress(OperatorError):
                abort()

    with rounds("cancellation", look, POLL_S):
        yield
