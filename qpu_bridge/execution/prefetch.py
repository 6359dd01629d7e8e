"""Preparing the next piece of work while the device is busy with this one."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")


def prefetch(source: Iterable[T], count: int | None = None) -> Generator[T, None, None]:
    """The same items in the same order; while one is used the next is made in a thread, and never more than one.

    What the source raises is raised here, in its place. Closing the generator waits for the item in the making.

    Args:
        source: Makes the items.
        count: How many there are, if that is known: a single one needs no thread.
    """
    iterator = iter(source)
    end = object()
    context = copy_context()  # so that what is logged there says what it is about
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as worker:
        item = next(iterator, end)
        used = 0
        while item is not end:
            used += 1
            pending = None if used == count else worker.submit(context.run, partial(next, iterator, end))
            yield item  # type: ignore[misc]  # not the end, hence a T
            item = end if pending is None else pending.result()
