"""Looking at what comes before its turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Lookahead(Generic[T]):
    """The same items in the same order, some of which are looked at before their turn.

    What the source raises is raised in the turn of the item in whose place it was, however early that was looked at.

    Args:
        source: Gives the items.
        most: So many may have been looked at and not have had their turn.

    Attributes:
        all_seen: Whether a look has come to the end of the source.
    """

    def __init__(self, source: Iterator[T], most: int) -> None:
        self._source, self._most = source, most
        self.all_seen = False
        self._seen: deque[T] = deque()
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._seen:
            return self._seen.popleft()
        if self._failure is not None:
            raise self._failure
        return next(self._source)

    def look(self) -> Iterator[T]:
        """What comes next, without giving it its turn."""
        yield from tuple(self._seen)
        while len(self._seen) < self._most and self._failure is None:
            try:
                item = next(self._source)
            except StopIteration:
                self.all_seen = True
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised in its turn
                self._failure = error
                return
            self._seen.append(item)
            yield item
