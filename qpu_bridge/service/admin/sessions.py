"""``/admin/sessions``: everybody's sessions and batches."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from qpu_bridge.jobs import Caller, Mode, Session, SessionState
from qpu_bridge.jobs.job import from_microseconds
from qpu_bridge.service.admin.form import Moment, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.parts import Parts


class SessionShown(Shown):
    """A session or batch."""

    id: str
    user: str
    instance: str
    backend: str
    mode: Mode
    state: SessionState
    accepting_jobs: bool
    created: Moment
    max_ttl: int


class Sessions(Shown):
    """Sessions and batches that are not closed, the oldest first."""

    sessions: list[SessionShown]


def routes(parts: Parts) -> APIRouter:
    """The routes of everybody's sessions."""
    router = APIRouter()
    who = overseer(parts)
    sessions = parts.store.sessions

    @router.get("/sessions")
    def listing(backend: str | None = None, caller: Caller = Depends(who)) -> Sessions:
        """Sessions and batches that are not closed."""
        return Sessions(sessions=[_shown(session) for session in sessions.open_ones(backend)])

    @router.delete("/sessions/{session_id}", status_code=204)
    def close(session_id: str, caller: Caller = Depends(who)) -> Response:
        """Close a session: its queued jobs are cancelled; the one that runs is finished, and then the device is free."""
        sessions.cancel(session_id, actor=caller.user)
        return Response(status_code=204)

    return router


def _shown(session: Session) -> SessionShown:
    return SessionShown(
        id=session.id,
        user=session.owner.user,
        instance=session.owner.instance,
        backend=session.backend,
        mode=session.mode,
        state=session.state,
        accepting_jobs=session.accepting_jobs,
        created=str(to_text(from_microseconds(session.created))),
        max_ttl=session.max_ttl,
    )
