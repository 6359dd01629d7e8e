"""Files as locks: who holds one is alone, and the end of its process ends the lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Held(Protocol):
    """A lock that is held."""

    def holds(self) -> bool:
        """Whether it is held still; a lock at a server is lost with the connection. Asks the server: not for every turn."""


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[Held]:
    """Hold a file lock that the kernel releases even after ``kill -9``.

    Raises:
        BlockingIOError: If somebody else holds it and ``wait`` is False.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield _File(path, descriptor)
    finally:
        os.close(descriptor)


class _File:
    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def holds(self) -> bool:
        """A file that somebody has removed is locked still, but the next one locks another file of the same name."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False
