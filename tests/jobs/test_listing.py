"""Filters and pages agree with the obvious way to do it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import PENDING, Filter, Job, Owner, Store

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept


@pytest.fixture
def jobs(store: Store, accept: Accept, alice: Owner, bob: Owner, seed: int) -> list[Job]:
    draw = random.Random(seed)
    made = []
    for _ in range(40):
        job = accept(
            draw.choice([alice, alice, bob]),
            draw.choice(["lab_two", "lab_six"]),
            program_id=draw.choice(["sampler", "estimator"]),
            tags=tuple(draw.sample("abc", draw.randrange(4))),
        )
        if draw.random() < 0.4:
            store.cancel(job.id)
        made.append(store.job(job.id))
    return made


def plainly(jobs: list[Job], wanted: Filter) -> list[str]:
    """The same, slowly."""
    found = [
        job
        for job in jobs
        if (wanted.owner is None or job.owner == wanted.owner)
        and (wanted.backend is None or job.backend == wanted.backend)
        and (wanted.pending is None or (job.state in PENDING) is wanted.pending)
        and (wanted.program_id is None or job.program_id == wanted.program_id)
        and set(wanted.tags) <= set(job.tags)
        and (wanted.created_after is None or job.created >= wanted.created_after)
        and (wanted.created_before is None or job.created <= wanted.created_before)
    ]
    return [job.id for job in (found if wanted.oldest_first else reversed(found))]


def test_pages_agree_with_a_plain_search(store: Store, jobs: list[Job], alice: Owner, bob: Owner, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(200):
        wanted = Filter(
            owner=draw.choice([alice, bob, None]),
            limit=draw.choice([-1, 0, 1, 3, 10, 200, 10**9]),
            offset=draw.choice([0, 1, 7, 39, 40, 500]),
            backend=draw.choice([None, "lab_two", "moon"]),
            pending=draw.choice([None, True, False]),
            program_id=draw.choice([None, "sampler"]),
            tags=tuple(draw.sample("abc", draw.randrange(3))),
            created_after=draw.choice([None, None, draw.choice(jobs).created]),
            created_before=draw.choice([None, None, draw.choice(jobs).created]),
            oldest_first=draw.random() < 0.5,
        )
        expected = plainly(jobs, wanted)
        limit, offset = wanted.limit if 1 <= wanted.limit <= 200 else 200, wanted.offset
        page = store.page(wanted)
        assert [job.id for job in page.jobs] == expected[offset : offset + limit]
        assert page.count == (len(expected) if page.jobs else offset)
        assert (page.limit, page.offset) == (limit, offset)


def test_no_page_begins_before_the_first_job(store: Store) -> None:
    with pytest.raises(BadRequest, match="offset must be 0 or more"):
        store.page(Filter(None, offset=-1))


@pytest.mark.parametrize("skip", [0, 1, 39, 40, 41, 1000])
def test_the_clients_loop_ends(store: Store, jobs: list[Job], skip: int) -> None:
    """The client asks until it has received ``count - skip`` jobs."""
    received, asked = 0, 0
    while True:
        page = store.page(Filter(None, limit=7, offset=skip + received))
        received += len(page.jobs)
        asked += 1
        if received == page.count - skip:
            break
        assert asked < 20
    assert received == max(0, len(jobs) - skip)


def test_no_session_has_jobs_yet(store: Store, jobs: list[Job]) -> None:
    assert store.page(Filter(None, session_id="s")).jobs == ()
