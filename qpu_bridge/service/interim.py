"""``/jobs/{id}/interim_results``: finished rows of a job that runs, at once or as they come."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response, StreamingResponse

from qpu_bridge.errors import BadRequest, NotFound, TooLarge, UnsupportedOption
from qpu_bridge.jobs import FINAL, Caller, Job, Owner
from qpu_bridge.jobs.interim import Part, has, parts
from qpu_bridge.programs.finished import read_packed
from qpu_bridge.service.aside import Claim
from qpu_bridge.service.auth import caller, comer
from qpu_bridge.service.errors import answer, trace_of
from qpu_bridge.service.parts import Parts

LOOK_S = 0.2
"""How often a stream looks for new rows, s."""

BEAT_S = 15.0
"""A stream that has nothing to say says so after this time, s, so that nobody on the way takes it for dead."""

MOST_STREAMS = 64
"""At the same time; each looks into the store."""

EVENT = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,19})")
"""Id of an event: item, first row, and when the rows were kept."""

Place = tuple[int, int, int]


def routes(parts_of: Parts) -> APIRouter:
    """The routes of interim results."""
    router = APIRouter()
    who = caller(parts_of)
    store = parts_of.store
    places = asyncio.Semaphore(MOST_STREAMS)

    @router.get("/jobs/{job_id}/interim_results")
    def so_far(job_id: str, after: str = "", owner: Owner = Depends(who)) -> StreamingResponse:
        """Rows that are finished, those after an event id if one is given; none when the job has ended: its result has them."""
        job = _open(store.job(job_id, owner))
        return StreamingResponse(_text(parts_of, job, _place(after, "after")), media_type="application/json")

    @router.get("/jobs/{job_id}/interim_results/stream")
    async def as_they_come(
        job_id: str,
        request: Request,
        last_event_id: str = Header(default=""),
        asks: Claim[Owner] = Depends(who),
        came: Claim[Caller] = Depends(comer(parts_of)),
    ) -> Response:
        """Server-sent events: ``rows`` for each part, ``restart`` if the rows so far are void, ``end`` with the final state."""
        place = _place(last_event_id, "Last-Event-ID")

        def look() -> tuple[Owner, str]:
            whose = asks.look()
            _open(store.job(job_id, whose))
            return whose, came.look().token

        owner, token = await parts_of.aside(look)
        if places.locked():
            busy = answer(429, TooLarge.code, f"at most {MOST_STREAMS} streams may be open", "Ask again.", trace_of(request))
            busy.headers["retry-after"] = "2"
            return busy
        events = _events(parts_of, job_id, owner, token, place, places)
        # proxies that collect answers would keep the rows back
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    return router


def _open(job: Job) -> Job:
    if job.private:
        raise UnsupportedOption("the rows of a private job must stay unread until it ends", given=job.id, where="private")
    return job


def _place(text: str, field: str) -> Place | None:
    if not text:
        return None
    match = EVENT.fullmatch(text)
    if match is None:
        raise BadRequest("an event id must be one that an answer named", given=text[:64], where=field)
    item, row, at = (int(group) for group in match.groups())
    return item, row, at


def _text(parts_of: Parts, job: Job, place: Place | None) -> Iterator[str]:
    """The document, part by part: a job's rows may be many."""
    database = parts_of.store.database
    if place is not None and not has(database, job, *place):
        place = None
    shown = {"id": job.id, "state": str(job.state), "attempt": job.attempts, "from_start": place is None}
    yield json.dumps(shown)[:-1] + ', "parts": ['
    comma, last = "", place
    while found := parts(database, job, (-1, -1) if last is None else last[:2]):
        last = (found[0].item, found[0].first_row, found[0].at)
        yield comma + json.dumps(_document(found[0]))
        comma = ", "
    yield f'], "last_event_id": {json.dumps(_name(last))}}}'


async def _events(
    parts_of: Parts, job_id: str, owner: Owner, token: str, place: Place | None, places: asyncio.Semaphore
) -> AsyncIterator[str]:
    store = parts_of.store

    def look(last: Place | None) -> tuple[Job | None, bool, tuple[Part, ...]]:
        try:
            job = store.job(job_id, owner)
        except NotFound:
            return None, False, ()
        found = store.tokens.valid(token)
        if found is None or owner.instance not in found.instances:
            # a stream may last for hours; who is shut out finds nothing, from one look to the next
            return None, False, ()
        void = last is not None and job.state not in FINAL and not has(store.database, job, *last)
        if void:
            # its rows are forgotten with the end too, which may have come between the two looks
            job = store.job(job_id, owner)
            void = job.state not in FINAL
        return job, void, () if void else parts(store.database, job, (-1, -1) if last is None else last[:2])

    async with places:
        last, quiet_s = place, 0.0
        while True:
            job, void, found = await parts_of.aside(look, last)
            if void:
                # the job was started afresh: rows of another calibration are no part of its result
                last = None
                yield _event("restart", {"reason": "the job was started again; rows so far are void"})
            elif found:
                last, quiet_s = (found[0].item, found[0].first_row, found[0].at), 0.0
                yield _event("rows", _document(found[0]), _name(last))
            elif job is None or job.state in FINAL:
                yield _event("end", {"state": "Deleted"} if job is None else {"state": str(job.state), "reason": job.reason})
                return
            else:
                await asyncio.sleep(LOOK_S)
                quiet_s += LOOK_S
                if quiet_s >= BEAT_S:
                    quiet_s = 0.0
                    yield ": nothing new\n\n"


def _document(part: Part) -> dict[str, Any]:
    """Rows of one item; arrays are spelled as in results of the executor, version v2.0."""
    header, tensors = read_packed(part.data)
    results = {
        name: {"data": base64.b64encode(data).decode("ascii"), "shape": about["shape"], "dtype": about["dtype"]}
        for name, about, data in tensors
    }
    shown = {name: header[name] for name in ("shape", "first_row", "rows", "start", "stop")}
    return {"item": part.item, **shown, "results": results}


def _name(place: Place | None) -> str | None:
    return None if place is None else ".".join(map(str, place))


def _event(kind: str, data: dict[str, Any], name: str | None = None) -> str:
    line = "" if name is None else f"id: {name}\n"
    return f"event: {kind}\n{line}data: {json.dumps(data)}\n\n"
