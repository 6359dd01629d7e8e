"""``/sessions``: open, look at, close, cancel sessions and batches."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from qpu_bridge.errors import BadRequest, StoreFault
from qpu_bridge.jobs import Mode, Opening, Owner, Session
from qpu_bridge.jobs.job import from_microseconds
from qpu_bridge.service.aside import Claim
from qpu_bridge.service.auth import caller, crn
from qpu_bridge.service.backends import mocks
from qpu_bridge.service.body import split, split_known
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.openings import opening, seconds
from qpu_bridge.service.parts import Parts

KNOWN = frozenset({"mode", "backend", "instance", "max_ttl", "active_ttl", "interactive_ttl"})

logger = logging.getLogger(__name__)


def routes(parts: Parts) -> APIRouter:
    """The routes of sessions."""
    router = APIRouter()
    who = caller(parts)
    sessions = parts.store.sessions

    @router.post("/sessions")
    async def create(request: Request, claim: Claim[Owner] = Depends(who)) -> Response:
        """Open a session or a batch: when the answer is sent, it is on the disk."""
        raw = await request.body()
        key = request.headers.get("idempotency-key")

        def do() -> tuple[str, dict[str, Any]]:
            owner = claim.look()
            asked = read(parts, owner, raw, key)
            lost = parts.repeated(owner, asked.digest) if key is None else None
            made = sessions.create(owner, asked) if lost is None else sessions.session(lost, owner)
            return made.id, document(parts, made)

        made, shown = await parts.aside(do)
        return JSONResponse(shown, background=BackgroundTask(parts.aside, _answered, parts, made))

    @router.get("/sessions/{session_id}")
    def one(session_id: str, owner: Owner = Depends(who)) -> JSONResponse:
        """A session as it is now."""
        return JSONResponse(document(parts, sessions.session(session_id, owner)))

    @router.patch("/sessions/{session_id}")
    async def change(session_id: str, request: Request, claim: Claim[Owner] = Depends(who)) -> Response:
        """Take no more jobs: those that are there still run, then the session is closed."""
        members = split(await request.body())
        if set(members) != {"accepting_jobs"} or not isinstance(members["accepting_jobs"].value, bool):
            raise BadRequest("the body must hold accepting_jobs, true or false, and nothing else", where="body")
        await parts.aside(lambda: sessions.accept_jobs(session_id, bool(members["accepting_jobs"].value), claim.look()))
        return Response(status_code=204)

    @router.delete("/sessions/{session_id}/close")
    def close(session_id: str, owner: Owner = Depends(who)) -> Response:
        """Close it now: its queued jobs are cancelled, a running one finishes."""
        sessions.cancel(session_id, owner)
        return Response(status_code=204)

    return router


def read(parts: Parts, owner: Owner, raw: bytes, key: str | None) -> Opening:
    """The session that a body asks for.

    Raises:
        CallerError: Naming the field that is wrong.
    """
    members = split_known(raw, KNOWN)
    named = members["instance"].value if "instance" in members else None
    if named not in (None, "", owner.instance, crn(owner.instance)):
        raise BadRequest("the instance must be the one of the request", given=str(named)[:200], where="instance")
    mode = members["mode"].value if "mode" in members else None
    if mode not in tuple(Mode):
        raise BadRequest(f"mode must be one of {', '.join(Mode)}", given=str(mode)[:64], where="mode")
    backend = members["backend"].value if "backend" in members else None
    if backend not in parts.devices:
        raise BadRequest(
            "a session must name a device",
            given=str(backend)[:64],
            where="backend",
            remedy="A dry run needs no session." if backend in mocks(parts) else f"Available: {', '.join(parts.devices)}.",
        )
    asked = {name: seconds(members, name) for name in ("max_ttl", "active_ttl", "interactive_ttl")}
    return opening(parts, str(backend), Mode(mode), request_key=key, digest=hashlib.sha256(raw).digest(), **asked)


def document(parts: Parts, session: Session) -> dict[str, Any]:
    """A session as the API shows it."""
    times = ("created", "started", "activated", "closed")
    shown = {f"{name}_at": _moment(getattr(session, name)) for name in times}
    return shown | {
        "id": session.id,
        "backend_name": session.backend,
        "mode": str(session.mode),
        "state": str(session.state),
        "state_reason": session.state_reason,
        "accepting_jobs": session.accepting_jobs,
        "max_ttl": session.max_ttl,
        "active_ttl": session.active_ttl,
        "interactive_ttl": session.interactive_ttl,
        "last_job_started": _moment(session.last_job_started),
        "last_job_completed": _moment(session.last_job_completed),
        "elapsed_time": parts.store.sessions.usage_s(session),
        "timestamps": [
            {"status": str(state), "timestamp": to_text(moment)} for moment, state in parts.store.sessions.moments(session)
        ],
        "calibration_id": session.calibration_id,
        "user_id": session.owner.user,
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else to_text(from_microseconds(at))


def _answered(parts: Parts, session_id: str) -> None:
    try:
        parts.store.sessions.repeats.answered(session_id)
    except StoreFault:
        logger.exception("session %s was answered, but this could not be noted", session_id)
