"""``/sessions``: not available yet, and said so in the caller's own words."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from qpu_bridge.errors import NotFound, UnsupportedOption
from qpu_bridge.jobs import Owner
from qpu_bridge.service.auth import caller
from qpu_bridge.service.parts import Parts


def routes(parts: Parts) -> APIRouter:
    """The routes of sessions."""
    router = APIRouter()
    who = caller(parts)

    @router.post("/sessions")
    def create(owner: Owner = Depends(who)) -> Response:
        """Refuse: there are no sessions or batches yet."""
        raise UnsupportedOption(
            "sessions and batches are not available yet", where="sessions", remedy="Use mode=backend and submit single jobs."
        )

    @router.get("/sessions/{session_id}")
    def one(session_id: str, owner: Owner = Depends(who)) -> Response:
        """There is none."""
        raise NotFound("the session must exist", given=session_id[:64])

    @router.patch("/sessions/{session_id}")
    def change(session_id: str, owner: Owner = Depends(who)) -> Response:
        """There is none."""
        raise NotFound("the session must exist", given=session_id[:64])

    @router.delete("/sessions/{session_id}/close")
    def close(session_id: str, owner: Owner = Depends(who)) -> Response:
        """There is none."""
        raise NotFound("the session must exist", given=session_id[:64])

    return router
