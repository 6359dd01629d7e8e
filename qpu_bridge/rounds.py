"""Rounds: something is looked at again and again, from a thread, as long as something else lasts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from qpu_bridge.errors import BridgeError

logger = logging.getLogger(__name__)


@contextmanager
def rounds(name: str, look: Callable[[], object], every_s: float, *, at_once: bool = False) -> Iterator[None]:
    """While inside, a thread looks every so often; at the end it is told to stop, and waited for.

    A look that fails is logged, and the next one comes all the same: the same failure of many looks in a row is said once.

    Args:
        name: Of the thread, and of what is logged.
        look: Called each time; by one thread only.
        every_s: From the end of one look to the beginning of the next, s.
        at_once: Whether the first look comes now, and not after the first wait.
    """
    leave = Event()

    def go() -> None:
        wait_s, said = 0.0 if at_once else every_s, ""
        while not leave.wait(wait_s):
            wait_s, before, said = every_s, said, ""
            try:
                look()
            except BridgeError as error:
                said = error.sentence
                if said != before:
                    logger.error("%s: %s", name, said)
            except Exception as error:
                said = repr(error)
                if said != before:
                    logger.exception("%s failed in a way that nobody foresaw", name)

    thread = Thread(target=go, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()
