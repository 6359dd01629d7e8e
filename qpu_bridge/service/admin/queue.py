"""``/admin/queue``: what stands before a device."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import Field

from qpu_bridge.errors import NotFound
from qpu_bridge.jobs import Caller
from qpu_bridge.jobs.line import line_of
from qpu_bridge.service.admin.form import Shown
from qpu_bridge.service.admin.jobs import shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.parts import Parts


class Line(Shown):
    """What stands before a device."""

    device: str
    wait_seconds: float
    next: str | None = Field(description="The job that would start now; null while one runs, or if none may start.")
    jobs: list[dict[str, Any]] = Field(
        description="The first 200: the running one, then by priority and age. Between owners fair share decides."
    )


def routes(parts: Parts) -> APIRouter:
    """The route of queues."""
    router = APIRouter()
    who = overseer(parts)
    store = parts.store

    @router.get("/queue/{device}")
    def line(device: str, caller: Caller = Depends(who)) -> Line:
        """The jobs that run or wait on a device."""
        if device not in parts.devices:
            raise NotFound("the device must exist", given=device[:64], remedy=f"Available: {', '.join(parts.devices)}.")
        found = line_of(store, device)
        wait_s = store.devices.wait_s(device)
        return Line(device=device, wait_seconds=wait_s, next=found.first, jobs=[shown(job) for job in found.jobs])

    return router
