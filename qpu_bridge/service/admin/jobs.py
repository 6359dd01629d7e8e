"""``/admin/jobs``: everybody's jobs, without parameters and results."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from qpu_bridge.jobs import Caller, Filter, Job
from qpu_bridge.service.admin.form import Body, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.job_document import document
from qpu_bridge.service.parts import Parts

HIDDEN = "the reason of a private job is told to its owner only"


class NewPriority(Body):
    """Jobs of a higher number go first; everybody's is 0."""

    priority: int


class Jobs(Shown):
    """A page of jobs, the newest first."""

    jobs: list[dict[str, Any]]
    count: int
    limit: int
    offset: int


def routes(parts: Parts) -> APIRouter:
    """The routes of everybody's jobs."""
    router = APIRouter()
    who = overseer(parts)
    store = parts.store

    @router.get("/jobs")
    def listing(
        limit: int = Query(50, ge=1, le=200),
        offset: int = Query(0, ge=0),
        backend: str | None = None,
        pending: bool | None = None,
        user: str | None = None,
        session_id: str | None = None,
        caller: Caller = Depends(who),
    ) -> Jobs:
        """Everybody's jobs, dry runs too."""
        wanted = Filter(None, limit=limit, offset=offset, backend=backend, pending=pending, user=user, session_id=session_id)
        page = store.page(wanted)
        return Jobs(jobs=[shown(job) for job in page.jobs], count=page.count, limit=page.limit, offset=page.offset)

    @router.get("/jobs/{job_id}")
    def one(job_id: str, caller: Caller = Depends(who)) -> dict[str, Any]:
        """Somebody's job."""
        return shown(store.job(job_id))

    @router.post("/jobs/{job_id}/cancel", status_code=204)
    def cancel(job_id: str, caller: Caller = Depends(who)) -> Response:
        """Cancel a queued job of anybody; ask for a running one to be stopped."""
        store.cancel(job_id, actor=caller.user)
        return Response(status_code=204)

    @router.put("/jobs/{job_id}/priority")
    def put_first(job_id: str, body: NewPriority, caller: Caller = Depends(who)) -> dict[str, Any]:
        """Put a queued job before or behind others."""
        return shown(store.priorities.set_job(job_id, body.priority, actor=caller.user))

    return router


def shown(job: Job) -> dict[str, Any]:
    """A job for who does not own it."""
    made = document(job) | {"instance": job.owner.instance, "priority": job.priority, "attempts": job.attempts}
    if job.private and job.reason is not None:
        # a reason may tell of the circuits
        made["state"] = made["state"] | {"reason": HIDDEN, "reason_solution": ""}
    return made
