"""``/jobs``: submit, follow, read, cancel, forget."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from fastapi import APIRouter, Depends, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from qpu_bridge.errors import BadRequest, BridgeError, DeveloperError, RanTooLong, StoreFault, WrongState
from qpu_bridge.jobs import Filter, Job, Owner, State
from qpu_bridge.jobs import Request as Asked
from qpu_bridge.jobs.listing import LONGEST_PAGE
from qpu_bridge.jobs.private import give_away
from qpu_bridge.service import application, submission
from qpu_bridge.service.aside import Claim
from qpu_bridge.service.auth import caller
from qpu_bridge.service.backends import find, mocks
from qpu_bridge.service.body import split
from qpu_bridge.service.errors import UNFORESEEN, answer, say, trace_of
from qpu_bridge.service.job_document import document, expectation, metrics, receipt, with_params
from qpu_bridge.service.moment import to_moment, to_text
from qpu_bridge.service.once import OnceResponse
from qpu_bridge.service.parts import Device, Parts
from qpu_bridge.service.rights import require_right
from qpu_bridge.telemetry import Stage, about, took, traces

JSON_TEXT = "application/json; charset=utf-8"
"""With the charset: without one the client guesses it from every byte of a large result, which takes seconds."""

logger = logging.getLogger(__name__)


def routes(parts: Parts) -> APIRouter:
    """The routes of jobs."""
    router = APIRouter()
    who = caller(parts)
    store = parts.store

    @router.post("/jobs")
    async def submit(request: Request, claim: Claim[Owner] = Depends(who)) -> Response:
        """Accept a job: when the answer is sent, the job is on the disk."""
        began_ns = time.time_ns()
        raw = await request.body()
        said = application.said(request.headers.get("x-qx-client-application", ""))
        owner, asked, known = await parts.aside(_read, parts, claim, raw, request.headers.get("idempotency-key"), said)
        if isinstance(known, Job):
            job = known
        else:
            check_ns, checked = time.time_ns(), time.perf_counter()
            try:
                async with parts.checks.turn(owner):
                    text = asked.params.decode("utf-8")
                    # left behind when the server stops, which must not wait for a check that takes long
                    planned_s = await parts.aside(parts.check, asked.program_id, text, known)
                cost = asked.cost if asked.cost is not None else parts.limits.execution_s(None, planned_s)
            except BridgeError as error:
                return say(request, error, once=True)
            except Exception:
                # A 500 would make the client send the same body five times and then lose our words.
                trace = trace_of(request)
                logger.exception("the check of program %s failed (trace %s)", asked.program_id, trace)
                return answer(400, DeveloperError.code, f"{UNFORESEEN} while it checked this job", "", trace)
            checked = time.perf_counter() - checked
            job = await parts.aside(store.accept, owner, replace(asked, cost=cost, estimate_s=planned_s))
            with about(job=job.id):
                took(Stage.CHECK, check_ns, checked)
                logger.info("job %s of %s is accepted for %s", job.id, owner.user, asked.backend)
            traces.submitted(job.id, "POST", "/jobs", began_ns, device=asked.backend, program=asked.program_id)
        return JSONResponse(receipt(job), background=BackgroundTask(parts.aside, _answered, parts, job.id))

    @router.get("/jobs")
    def listing(
        limit: int = LONGEST_PAGE,
        offset: int = Query(0, ge=0),
        backend: str | None = None,
        pending: bool | None = None,
        program: str | None = None,
        tags: list[str] = Query(default=[]),
        session_id: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        sort: str = "DESC",
        exclude_params: bool = True,
        include_mocks: bool = False,
        owner: Owner = Depends(who),
    ) -> JSONResponse:
        """The caller's jobs, newest first unless ``sort=ASC``, without their parameters.

        A page has 200 where ``limit`` is not within 1 to 200. Dry runs are left out unless ``include_mocks`` is set, or their
        device is named.
        """
        if sort.upper() not in ("ASC", "DESC"):
            raise BadRequest("sort must be ASC or DESC", given=sort[:16], where="sort")
        if not exclude_params:
            raise BadRequest("a list has no params", where="exclude_params", remedy="Read them job by job.")
        wanted = Filter(
            owner,
            limit=limit,
            offset=offset,
            backend=backend,
            pending=pending,
            program_id=program,
            tags=tuple(dict.fromkeys(tags)),
            session_id=session_id,
            created_after=None if created_after is None else to_moment(created_after, "created_after"),
            created_before=None if created_before is None else to_moment(created_before, "created_before"),
            oldest_first=sort.upper() == "ASC",
            without_backends=() if include_mocks or backend is not None else tuple(mocks(parts)),
        )
        if len(wanted.tags) > submission.MOST_TAGS:
            raise BadRequest(f"a job has at most {submission.MOST_TAGS} tags", given=len(wanted.tags), where="tags")
        page = store.page(wanted)
        found = [document(job) for job in page.jobs]
        return JSONResponse({"jobs": found, "count": page.count, "limit": page.limit, "offset": page.offset})

    @router.get("/jobs/{job_id}")
    def one(job_id: str, exclude_params: bool = False, owner: Owner = Depends(who)) -> Response:
        """A job, with its parameters unless they are excluded; a private job never has any."""
        job = store.job(job_id, owner)
        if exclude_params or job.private:
            return JSONResponse(document(job))
        return Response(with_params(document(job), store.params(job)), headers={"content-type": JSON_TEXT})

    @router.delete("/jobs/{job_id}")
    def forget(job_id: str, request: Request, owner: Owner = Depends(who)) -> Response:
        """Forget a job that has ended."""
        try:
            store.delete(job_id, owner)
        except WrongState as error:
            return answer(400, error.code, error.sentence, error.remedy, trace_of(request))
        return Response(status_code=204)

    @router.get("/jobs/{job_id}/results")
    def results(job_id: str, owner: Owner = Depends(who)) -> Response:
        """The result; for a job that failed, why: the client reads it there too, and must not find an error.

        The result of a private job can be read once, and is deleted when it has been sent whole; then this is 204.
        """
        job = store.job(job_id, owner)
        if job.state is State.COMPLETED:
            text = store.result(job)
            if not text:
                return Response(status_code=204)
            if job.private:
                return OnceResponse(text, lambda: _given_away(parts, job), JSON_TEXT)
            return Response(text, headers={"content-type": JSON_TEXT})
        if job.state is State.FAILED or job.reason_code == RanTooLong.code:
            return Response(job.reason, headers={"content-type": "text/plain; charset=utf-8"})
        return Response(status_code=204)

    @router.post("/jobs/{job_id}/cancel")
    def cancel(job_id: str, owner: Owner = Depends(who)) -> Response:
        """Cancel a queued job; ask for a running one to be stopped."""
        store.cancel(job_id, owner)
        return Response(status_code=204)

    @router.get("/jobs/{job_id}/logs")
    def logs(job_id: str, owner: Owner = Depends(who)) -> Response:
        """The job's log as lines of text."""
        lines = [f"{to_text(moment)} {level} {text}\n" for moment, level, text in store.log_lines(store.job(job_id, owner))]
        return Response("".join(lines), headers={"content-type": "text/plain; charset=utf-8"})

    @router.get("/jobs/{job_id}/metrics")
    def measured(job_id: str, owner: Owner = Depends(who)) -> JSONResponse:
        """When it ran, and how much device time it used; of a job that waits, when it will run."""
        job = store.job(job_id, owner)
        ahead = expectation(store.expected(job)) if job.state is State.QUEUED else {}
        return JSONResponse(metrics(job) | ahead)

    @router.put("/jobs/{job_id}/tags")
    async def retag(job_id: str, request: Request, claim: Claim[Owner] = Depends(who)) -> Response:
        """Replace the job's tags."""
        members = split(await request.body())
        if set(members) != {"tags"}:
            raise BadRequest("the body must hold tags and nothing else", where="body")
        words = submission.tags(members["tags"].value)
        await parts.aside(lambda: store.set_tags(store.job(job_id, claim.look()), words))
        return Response(status_code=204)

    @router.get("/tags")
    def words(search: str = "", type: str = "job", owner: Owner = Depends(who)) -> dict[str, list[str]]:
        """The tags on the caller's jobs."""
        if type != "job":
            raise BadRequest("type must be job", given=type[:16], where="type")
        return {"tags": list(store.tags(owner, search))}

    return router


def _given_away(parts: Parts, job: Job) -> None:
    try:
        give_away(parts.store.database, job)
    except StoreFault:
        # the answer is out; better that its owner can read it again than that they are told of a failure
        logger.exception("the result of private job %s was sent, but could not be deleted", job.id)


def _read(
    parts: Parts, claim: Claim[Owner], raw: bytes, key: str | None, said: application.Application
) -> tuple[Owner, Asked, Job | Device]:
    """Who asks, what they ask, and the job that was made of it; or, as its session takes it, the device for it."""
    owner = claim.look()
    asked = replace(submission.read(parts, raw, key), **said)
    job = _known(parts, owner, asked)
    if job is not None:
        return owner, asked, job
    asked = parts.store.sessions.joined(owner, asked)
    require_right(parts, owner, asked)
    return owner, asked, find(parts, asked.backend, asked.calibration_id)


def _known(parts: Parts, owner: Owner, asked: Asked) -> Job | None:
    """The job that this very request made before: of this key, or before the process died that did not tell."""
    made = parts.repeated(owner, asked.digest) if asked.key is None else parts.store.repeats.made(owner, asked.key, asked.digest)
    return None if made is None else parts.store.job(made, owner)


def _answered(parts: Parts, job_id: str) -> None:
    try:
        parts.store.repeats.answered(job_id)
    except StoreFault:
        logger.exception("job %s was answered, but this could not be noted", job_id)
