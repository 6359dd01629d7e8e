"""Whose turn it is to have a job checked."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from qpu_bridge.jobs import Owner


class _Waiting(NamedTuple):
    owner: Owner
    called: asyncio.Future[None]


class Turns:
    """A few checks at a time, shared out so that nobody's keep the others' waiting.

    Who has none at the moment comes first, and nobody takes a second while only one place is free: however long the checks of
    one owner take, the next owner finds a place. To be used within one event loop.

    Args:
        places: How many at a time.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._busy: Counter[Owner] = Counter()
        self._waiting: deque[_Waiting] = deque()

    @asynccontextmanager
    async def turn(self, owner: Owner) -> AsyncIterator[None]:
        """Wait for a place, and have it for a while."""
        mine = _Waiting(owner, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        self._call()
        try:
            await mine.called
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._leave(owner)
            raise
        try:
            yield
        finally:
            self._leave(owner)

    def _call(self) -> None:
        while self._free and self._waiting:
            # the first of those with the fewest
            chosen = min(self._waiting, key=lambda waiting: self._busy[waiting.owner])
            if self._busy[chosen.owner] and self._free < 2:
                return
            self._waiting.remove(chosen)
            self._free -= 1
            self._busy[chosen.owner] += 1
            if not chosen.called.done():
                chosen.called.set_result(None)

    def _leave(self, owner: Owner) -> None:
        self._free += 1
        self._busy[owner] -= 1
        if not self._busy[owner]:
            del self._busy[owner]
        self._call()
