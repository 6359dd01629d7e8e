"""Being the only one that works for a device."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from qpu_bridge.errors import OperatorError
from qpu_bridge.jobs.store import Store
from qpu_bridge.lock import Held

WAIT_S = 0.05
"""How often one who waits for a device looks, s."""


def turn(store: Store, device: str) -> AbstractContextManager[Held]:
    """Be the only one that works for a device: its runner, or somebody who calibrates it by hand.

    Raises:
        BlockingIOError: On entering, if another one works for it.
    """
    return store.database.alone(f"runner of {device}")


class Turn:
    """A runner's turn at its device. A server that restarts takes it away; then it is taken again, unless another was quicker.

    Args:
        store: Where the jobs are.
        device: Which device.
        stop: Ends waiting.
        patience_s: How long to wait for one that is about to leave, s.
    """

    def __init__(self, store: Store, device: str, stop: threading.Event, patience_s: float) -> None:
        self._store = store
        self._device = device
        self._stop = stop
        self._patience_s = patience_s
        self._lock = ExitStack()
        self._held: Held | None = None

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            OperatorError: If another runner has it.
        """
        until_s = time.monotonic() + self._patience_s
        while not self._take():
            if time.monotonic() >= until_s or self._stop.wait(WAIT_S):
                raise self.refusal()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give it back."""
        self._lock.close()

    def keep(self) -> bool:
        """Look after it, now and then: whether it is ours still, or again. Asks the database.

        Raises:
            StoreFault: If the database is away; then nobody else can take it either.
        """
        if self._held is not None and self._held.holds():
            return True
        self._held = None
        self._lock.close()
        return self._take()

    def refusal(self) -> OperatorError:
        """What is said when another runner has it."""
        return OperatorError("a device must have one runner", given="another one runs", where=self._device)

    def _take(self) -> bool:
        try:
            self._held = self._lock.enter_context(turn(self._store, self._device))
        except BlockingIOError:
            return False
        return True
