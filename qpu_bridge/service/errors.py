"""Errors as answers: which status, and a body that every client can show."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from qpu_bridge import errors

TRACE_HEADER = "uber-trace-id"
"""The client shows our message instead of the raw body only if this header is there."""

RETRIED = frozenset({500, 502, 503, 504, 520, 521, 522, 524})
"""Statuses on which the client repeats any request, a POST too; nothing that a user should read may use them."""

STATUS: tuple[tuple[type[errors.BridgeError], int], ...] = (
    (errors.NotAuthorized, 401),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.UnsupportedProgram, 404),
    (errors.WrongState, 409),
    (errors.QuotaReached, 409),
    (errors.CallerError, 400),
    (errors.OperatorError, 503),
)
"""First match wins; all others are 500."""

LONGEST_PATH = 200
"""Characters of a path that an answer repeats."""

UNFORESEEN = "the bridge failed in a way that nobody foresaw"

logger = logging.getLogger(__name__)


def status_of(error: errors.BridgeError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, errors.StoreFault) and str(error.given).startswith("SQLITE_FULL"):
        return 507  # not retried, so that the user reads it: waiting does not empty a disk
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def answer(status: int, code: int | str, message: str, solution: str, trace: str) -> Response:
    """An error in both forms: the list of the published API, and the single one that the client shows."""
    body = {
        "errors": [{"code": code, "message": message, "solution": solution, "more_info": ""}],
        "trace": trace,
        "error": {"code": code, "message": message},
    }
    headers = {TRACE_HEADER: trace}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 503:
        headers["retry-after"] = "1"
    return JSONResponse(body, status, headers)


def trace_of(request: Request) -> str:
    """The id of this request, as it appears in the answer and in the log."""
    trace = request.scope.setdefault("state", {}).get("trace")
    return str(trace) if trace else secrets.token_hex(8)


def say(request: Request, error: errors.BridgeError, *, once: bool = False) -> Response:
    """The answer to an error that was raised on purpose; what is not the caller's to mend is told without details.

    Args:
        request: What was asked.
        error: What went wrong.
        once: Whether the client must not repeat the request by itself, because it would fail in the same way.
    """
    status, trace = status_of(error), trace_of(request)
    if once and status in RETRIED:
        status = 400
    if isinstance(error, errors.CallerError):
        return answer(status, error.code, error.sentence, error.remedy, trace)
    logger.error("%s %s failed (trace %s)", request.method, request.url.path, trace, exc_info=error)
    if isinstance(error, errors.OperatorError):
        return answer(status, error.code, f"{error.must} ({error.remedy or 'the bridge needs its operator'})", "", trace)
    return answer(status, error.code, UNFORESEEN, "", trace)


def install(app: FastAPI) -> None:
    """Give the application these answers."""

    async def raised(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.BridgeError)
        return say(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults: list[Any] = list(error.errors())
        text = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
        return say(request, errors.BadRequest("the request must follow its schema", given=text))

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return say(request, errors.NotFound("the path must exist", given=request.url.path[:LONGEST_PATH]))
        reply = answer(error.status_code, errors.BadRequest.code, str(error.detail), "", trace_of(request))
        reply.headers.update(error.headers or {})
        return reply

    app.add_exception_handler(errors.BridgeError, raised)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, routed)
