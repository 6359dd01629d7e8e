"""An answer that can be had once: what becomes of it is decided when it has been sent whole."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PIECE = 64 * 1024
"""Bytes that are handed to the connection at a time; as many may be under way when it breaks."""


class OnceResponse(Response):
    """A body in pieces, and a call when the connection has taken the last one and is still there.

    The connection's buffers are out of sight: a client that dies after the last piece has left this process, but before it has
    arrived, has had its answer.

    Args:
        content: The body.
        sent: Called, in a thread, when all of it has been sent.
        content_type: Its type.
    """

    def __init__(self, content: bytes, sent: Callable[[], None], content_type: str) -> None:
        super().__init__(content, headers={"content-type": content_type, "cache-control": "no-store"})
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        whole = bytes(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(whole), PIECE):
            await send({"type": "http.response.body", "body": whole[start : start + PIECE], "more_body": True})
        # the server waits at the start of a piece until the one before has left its own buffer
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        if not await Request(scope, receive).is_disconnected():
            await run_in_threadpool(self._sent)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
