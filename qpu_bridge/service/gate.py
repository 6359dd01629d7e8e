"""The gate that every request passes: a trace id, no body that is packed or larger than we said, an answer to any failure."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qpu_bridge.errors import DeveloperError, OperatorError, TooLarge, UnsupportedOption
from qpu_bridge.service.errors import TRACE_HEADER, UNFORESEEN, answer
from qpu_bridge.telemetry import about
from qpu_bridge.telemetry.metrics import Metrics

SMALL = 64 * 1024
"""Largest body of any request but a submitted job, bytes."""

LINGER_S = 10.0
"""For how long the rest of a refused body is read and thrown away, so that the client gets to reading our answer, s."""

STOPPING = "the bridge stops or starts anew, and this request was not answered yet"

logger = logging.getLogger(__name__)


class _TooMuch(Exception):
    """More bytes came than allowed. Not an answer yet, and caught in this file."""


class Gate:
    """ASGI middleware.

    Args:
        app: What is behind the gate.
        max_body_bytes: Largest body of a submitted job.
        bases: Paths below which the same routes are; counted as one.
        metrics: Where answers are counted, if anywhere.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, bases: tuple[str, ...] = (), metrics: Metrics | None = None) -> None:
        self._app = app
        self._large = max_body_bytes
        self._bases = bases
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it before its body is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = secrets.token_hex(8)
        scope.setdefault("state", {})["trace"] = trace
        began, status = time.perf_counter(), 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with about(trace=trace):
            try:
                await self._let_in(scope, receive, tell, trace)
            finally:
                if self._metrics is not None:
                    self._metrics.answered(scope["method"], self._route(scope), status, time.perf_counter() - began)

    def _route(self, scope: Scope) -> str:
        path = str(getattr(scope.get("route"), "path", "none"))
        base = next((base for base in self._bases if path.startswith(base)), "")
        return path.removeprefix(base)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, trace: str) -> None:
        headers = Headers(scope=scope)
        limit = self._large if scope["method"] == "POST" and scope["path"].endswith("/jobs") else SMALL
        started = False
        received = 0

        async def tell(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).setdefault(TRACE_HEADER, trace)
            await send(message)

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooMuch
            return message

        packing = headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("", "identity"):
            error = UnsupportedOption("a body must not be packed", given=packing, where="Content-Encoding")
            await self._refuse(415, error.code, error.sentence, scope, receive, tell, limit)
            return
        declared = headers.get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            await self._refuse(413, TooLarge.code, _too_large(limit, declared), scope, receive, tell, limit)
            return
        try:
            await self._app(scope, count, tell)
        except _TooMuch:
            if started:
                raise
            await self._refuse(413, TooLarge.code, _too_large(limit, "more"), scope, receive, tell, limit)
        except ClientDisconnect:
            return  # nobody is left to be told
        except asyncio.CancelledError:
            if started:
                raise
            # The server stops and waits no longer. The client repeats what is answered so, also a POST.
            await answer(503, OperatorError.code, STOPPING, "Ask again.", trace)(scope, receive, tell)
        except Exception:
            if started:
                raise
            # Caught here and not by the framework, after whose own answer the server cuts the connection.
            logger.exception("%s %s failed in a way that nobody foresaw (trace %s)", scope["method"], scope["path"], trace)
            await answer(500, DeveloperError.code, UNFORESEEN, "", trace)(scope, receive, tell)

    async def _refuse(self, status: int, code: int, message: str, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        headers = Headers(scope=scope)
        reply = answer(status, code, message, "", scope["state"]["trace"])
        reply.headers["connection"] = "close"
        await send({"type": "http.response.start", "status": status, "headers": reply.raw_headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": True})
        # Closing while the client still sends would reset the connection, and the client would lose the answer. One that
        # waits for permission to send is told by the answer itself.
        if headers.get("expect", "").lower() != "100-continue":
            await _throw_away(receive, 4 * limit)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _throw_away(receive: Receive, most: int) -> None:
    seen = 0
    try:
        async with asyncio.timeout(LINGER_S):
            while seen < most:
                message = await receive()
                seen += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _too_large(limit: int, given: str) -> str:
    return TooLarge(f"a body must have at most {limit} bytes", given=given, where="body").sentence
