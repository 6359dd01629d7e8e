"""Workloads over plain HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from qpu_bridge.jobs.queue import Queue
from tests.service.conftest import Bridge, canned
from tests.service.test_sessions import message, open_one


def ids(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["workloads"]]


@pytest.fixture
def made(bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> list[str]:
    """A job, a session with a job, a batch, two jobs; and something of bob's."""
    first = bridge.submit(alice, tags=["blue", "round"])
    session = open_one(alice)
    bridge.submit(alice, session_id=session, tags=["red"])
    batch = open_one(alice, "batch")
    bridge.submit(bob)
    return [first, session, batch, *(bridge.submit(alice) for _ in range(2))]


def test_all_in_one_list(bridge: Bridge, alice: httpx.Client, bob: httpx.Client, made: list[str]) -> None:
    page = alice.get("/workloads").json()
    assert ids(page) == made
    assert (page["total_count"], page["limit"]) == (5, 10)
    assert not {"next", "previous"} & set(page)
    job, session, batch = page["workloads"][:3]
    assert (job["mode"], job["status"], job["accepting_jobs"], job["tags"]) == ("job", "pending", None, ["blue", "round"])
    assert (session["mode"], session["status"], session["accepting_jobs"], session["tags"]) == (
        "session",
        "pending",
        True,
        ["red"],
    )
    assert batch["mode"] == "batch"
    assert {one["user_id"] for one in page["workloads"]} == {"alice"}
    assert bob.get("/workloads").json()["total_count"] == 1
    assert ids(alice.get("/workloads", params={"sort": "-createdAt", "user": "me"}).json()) == made[::-1]


def test_filters(bridge: Bridge, alice: httpx.Client, made: list[str]) -> None:
    def ask(**params: Any) -> list[str]:
        return ids(alice.get("/workloads", params=params).json())

    queue = Queue(bridge.store.database, "lab_two", "r")
    taken = queue.take()
    assert taken is not None
    assert taken.job.id == made[0]
    assert ask(status="in_progress") == made[:1]
    queue.finish(taken.job, canned(), 1.0)
    alice.post(f"/jobs/{made[4]}/cancel")
    assert ask(status=["completed", "canceled"]) == [made[0], made[4]]
    assert ask(status="pending", mode="job") == [made[3]]
    assert ask(mode="session") == [made[1]]
    assert ask(mode="batch") == [made[2]]
    assert ask(search="lue") == [made[0]]
    assert ask(search="re") == [made[1]]
    assert ask(search=made[2][3:]) == [made[2]]
    assert ask(search="%") == []
    assert ask(tags=["blue", "round"]) == [made[0]]
    assert ask(tags=["blue", "red"]) == []
    assert ask(backend="lab_two") == made
    assert ask(backend="lab_six") == []
    created = alice.get("/workloads").json()["workloads"][2]["created"]
    assert ask(created_after=created) == made[2:]
    assert ask(created_before=created) == made[:3]
    done = alice.get("/workloads", params={"status": "completed"}).json()["workloads"][0]
    assert done["usage"] == {"qpu_charge_time_seconds": 1.0, "status": "complete"}
    assert done["ended"].endswith("Z")


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt"])
def test_pages(bridge: Bridge, alice: httpx.Client, made: list[str], sort: str) -> None:
    expected = made if sort == "createdAt" else made[::-1]
    page = alice.get("/workloads", params={"limit": 2, "sort": sort}).json()
    assert "previous" not in page
    seen, pages = ids(page), [page]
    while "next" in page:
        page = alice.get(page["next"]["href"]).json()
        assert page["total_count"] == 5
        seen += ids(page)
        pages.append(page)
    assert seen == expected
    back = alice.get(pages[2]["previous"]["href"]).json()
    assert ids(back) == ids(pages[1])
    assert ids(alice.get(back["previous"]["href"]).json()) == ids(pages[0])
    assert ids(alice.get(back["next"]["href"]).json()) == ids(pages[2])
    assert "previous" not in alice.get(back["previous"]["href"]).json()


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"limit": 51}, "limit"),
        ({"limit": 0}, "limit"),
        ({"user": "bob"}, "user must be me"),
        ({"sort": "size"}, "sort must be createdAt or -createdAt"),
        ({"mode": "fast"}, "mode must be job or session or batch"),
        ({"status": "great"}, "status"),
        ({"next": "x"}, "a cursor must be one that a page gave"),
        ({"next": "WzEsMl0"}, "a cursor must be one that a page gave"),
        ({"next": "a", "previous": "b"}, "by next or previous, not by both"),
        ({"created_after": "yesterday"}, "a time must be ISO 8601"),
    ],
)
def test_what_cannot_be_asked(alice: httpx.Client, params: dict[str, Any], says: str) -> None:
    assert says in message(alice.get("/workloads", params=params), 400)
