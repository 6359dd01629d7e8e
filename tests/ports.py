"""Ports for servers that must be told theirs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import count

_FIRST, _LAST = 10_240, 32_000
"""Below those that the kernel gives to whoever asks for any, connections too: nobody gets one of these by chance."""


def neighbours() -> int:
    """The first of two neighbouring ports of 127.0.0.1 that nobody uses; each pair is given once in a process."""
    return next(port for port in _pairs if _free(port) and _free(port + 1))


def _walk() -> Iterator[int]:
    # processes that run beside this one begin elsewhere
    start = 256 * os.getpid()
    for number in count():
        yield _FIRST + (start + 2 * number) % (_LAST - _FIRST)


_pairs = _walk()


def _free(port: int) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
