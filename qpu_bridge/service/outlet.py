"""The outlet of a connection: an answer leaves in one piece, so that no client sees its head and then the death of its server."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HELD = 64 * 1024
"""Bytes that are held back at most."""


class Outlet(asyncio.Transport):
    """A transport that gathers what is written in one turn of the loop.

    An answer's head and body are two writes of the same turn. If the process is killed between the two, its client has a head and
    no body, and does not ask again; sent together, they are there or they are not.

    Args:
        below: Where it goes.
        loop: Whose turns count.
    """

    def __init__(self, below: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._below = below
        self._loop = loop
        self._held: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send soon; at once what is more than `HELD` bytes, so that the transport below can ask for a pause."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > HELD:
            self._flush()

    def close(self) -> None:
        """Send what is left, and close."""
        self._flush()
        self._below.close()

    def abort(self) -> None:
        """Close at once."""
        self._held.clear()
        self._below.abort()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._below.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below knows."""
        return self._below.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more from the client for now."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._below.resume_reading()

    def _flush(self) -> None:
        if self._held:
            data, self._held, self._size = b"".join(self._held), [], 0
            self._below.write(data)


class Protocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, through an `Outlet`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(Outlet(transport, self.loop))
