"""``/workloads``: the caller's single jobs, sessions and batches in one list."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import Job, Mode, Owner
from qpu_bridge.jobs.job import from_microseconds
from qpu_bridge.jobs.states import FINAL
from qpu_bridge.jobs.workloads import LONGEST_PAGE, OF_JOB, OF_SESSION, Status, Workload, WorkloadFilter, page
from qpu_bridge.service.auth import caller, crn
from qpu_bridge.service.backends import mocks
from qpu_bridge.service.moment import to_moment, to_text
from qpu_bridge.service.parts import Parts

MODES = ("job", "session", "batch")
SORTS = ("createdAt", "-createdAt")


def routes(parts: Parts) -> APIRouter:
    """The routes of workloads."""
    router = APIRouter()
    who = caller(parts)

    @router.get("/workloads")
    def workloads(
        request: Request,
        user: str | None = None,
        sort: str = SORTS[0],
        limit: int = Query(default=10, ge=1, le=LONGEST_PAGE),
        previous: str | None = None,
        next: str | None = None,
        backend: str | None = None,
        search: str = "",
        status: list[Status] = Query(default=[]),
        mode: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        tags: list[str] = Query(default=[]),
        include_mocks: bool = False,
        owner: Owner = Depends(who),
    ) -> dict[str, Any]:
        """The caller's workloads, oldest first unless ``sort=-createdAt``."""
        for field, value, words in (("user", user, ("me",)), ("sort", sort, SORTS), ("mode", mode, MODES)):
            if value is not None and value not in words:
                raise BadRequest(f"{field} must be {' or '.join(words)}", given=value[:64], where=field)
        if next is not None and previous is not None:
            raise BadRequest("a page must be asked for by next or previous, not by both", where="next")
        wanted = WorkloadFilter(
            owner,
            limit=limit,
            newest_first=sort == SORTS[1],
            after=next,
            before=previous,
            backend=backend,
            search=search,
            statuses=tuple(status),
            mode=mode,
            tags=tuple(dict.fromkeys(tags)),
            created_after=None if created_after is None else to_moment(created_after, "created_after"),
            created_before=None if created_before is None else to_moment(created_before, "created_before"),
            without_backends=() if include_mocks or backend is not None else tuple(mocks(parts)),
        )
        found = page(parts.store.database, wanted)
        shown: dict[str, Any] = {
            "workloads": [document(parts, one) for one in found.workloads],
            "total_count": found.count,
            "limit": limit,
        }
        for name, cursor in (("next", found.next), ("previous", found.previous)):
            if cursor is not None:
                shown[name] = {"href": _address(request, name, cursor)}
        return shown

    return router


def document(parts: Parts, workload: Workload) -> dict[str, Any]:
    """A workload as the API shows it."""
    what = workload.what
    shown: dict[str, Any] = {
        "id": what.id,
        "backend": what.backend,
        "instance": crn(what.owner.instance),
        "user_id": what.owner.user,
        "tags": list(workload.tags),
    }
    if isinstance(what, Job):
        ended = what.state in FINAL
        shown |= {
            "created": to_text(what.created),
            "mode": "job",
            "status": OF_JOB[what.state],
            "accepting_jobs": None,
            "usage": {"qpu_charge_time_seconds": what.usage_s, "status": "complete" if ended else "pending"},
        }
        optional = {
            "ended": to_text(what.finished),
            "status_reason": what.reason,
            "estimated_running_time_seconds": what.estimate_s,
        }
        return shown | {name: value for name, value in optional.items() if value is not None}
    shown |= {
        "created": to_text(from_microseconds(what.created)),
        "mode": "batch" if what.mode is Mode.BATCH else "session",
        "status": OF_SESSION[what.state],
        "accepting_jobs": what.accepting_jobs,
        "usage": {"qpu_charge_time_seconds": parts.store.sessions.usage_s(what)},
    }
    if what.closed is not None:
        shown["ended"] = to_text(from_microseconds(what.closed))
    return shown


def _address(request: Request, name: str, cursor: str) -> str:
    """The address of another page of the same list."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in ("next", "previous")]
    return f"{request.url.replace(query='')}?{urlencode([*kept, (name, cursor)])}"
