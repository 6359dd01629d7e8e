"""``/admin``: people, limits, devices and everybody's jobs; for administrators, and for monitors who only look."""

from __future__ import annotations

from fastapi import APIRouter

from qpu_bridge.service.admin import audit, devices, jobs, maintenance, queue, quotas, sessions, tokens, users
from qpu_bridge.service.parts import Parts


def routes(parts: Parts) -> APIRouter:
    """All routes of administrators."""
    router = APIRouter(prefix="/admin", tags=["admin"])
    for noun in (users, tokens, quotas, devices, maintenance, queue, jobs, sessions, audit):
        parts.aside.lay(router, noun.routes(parts))
    return router
