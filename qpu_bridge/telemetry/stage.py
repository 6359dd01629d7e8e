"""The stages of a job, and who is told how long each of them took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What a job goes through, in this order; the middle ones once per circuit."""

    CHECK = "check"
    """Looked at before it is accepted."""
    WAIT = "wait"
    """In the queue."""
    PARSE = "parse"
    """Its parameters become circuits and numbers."""
    LOWER = "lower"
    """A circuit becomes a schedule."""
    DEVICE = "device"
    """The device plays a schedule for all rows, with the way there and back."""
    ANSWER = "answer"
    """Results become the text of the answer."""
    STORE = "store"
    """The answer goes to the disk."""


class Watcher(Protocol):
    """Is told; must be quick, and must not raise."""

    def took(self, stage: Stage, began_ns: int, seconds: float) -> None:
        """A stage is over: when it began (ns since 1970), how long it took (s)."""

    def played(self, device: str, seconds: float) -> None:
        """A device was busy for so long, s of its own clock."""


_watchers: list[Watcher] = []


def tell(watcher: Watcher) -> None:
    """Tell this watcher, from now on, of everything that happens in this process."""
    _watchers.append(watcher)


def forget(watcher: Watcher) -> None:
    """Tell it no more."""
    _watchers.remove(watcher)


@contextmanager
def stage(which: Stage) -> Iterator[None]:
    """Measure what is done inside, also if it fails. Costs next to nothing while nobody watches."""
    if not _watchers:
        yield
        return
    began_ns, began = time.time_ns(), time.perf_counter()
    try:
        yield
    finally:
        took(which, began_ns, time.perf_counter() - began)


def took(which: Stage, began_ns: int, seconds: float) -> None:
    """A stage that was not measured by `stage` is over."""
    for watcher in _watchers:
        watcher.took(which, began_ns, seconds)


def played(device: str, seconds: float) -> None:
    """A device was busy, s of its own clock."""
    for watcher in _watchers:
        watcher.played(device, seconds)
