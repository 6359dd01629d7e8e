"""Interim results over HTTP."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from qpu_bridge.errors import Cancelled
from qpu_bridge.jobs import Job, State, Work, interim
from qpu_bridge.jobs.queue import CANCELLED
from qpu_bridge.programs.finished import Page
from qpu_bridge.service import interim as face

if TYPE_CHECKING:
    from tests.service.conftest import Bridge

BITS = np.arange(60).reshape(5, 4, 3) % 2 == 0
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interim, "FIRST_S", 0.0)
    monkeypatch.setattr(interim, "SHARE", float("inf"))


class Stepwise:
    """A program that finishes a row each time it is told to."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.began = threading.Event()
        self.done = 0

    def __call__(self, job: Job, work: Work) -> str:
        book = work.notebook
        page = Page(book.item(), "key", (5,), lambda first, stop: {"c": BITS[first:stop]})
        self.began.set()
        for row in range(5):
            while not self.steps.acquire(timeout=0.01):
                if work.cancelled():
                    raise Cancelled("the work was cancelled")
            book.add(page, row, 1, NOW, NOW)
            self.done = row + 1
        return "{}"


@pytest.fixture
def stepwise(running: Bridge, alice: httpx.Client) -> Iterator[tuple[Stepwise, str]]:
    program = Stepwise()
    running.run = program
    job_id = running.submit(alice)
    assert program.began.wait(60)
    yield program, job_id
    program.steps.release(5)


def until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(5000):
        if condition():
            return
        pause.wait(0.005)
    pytest.fail("it never came to that")


def step(program: Stepwise, rows: int) -> None:
    target = program.done + rows
    program.steps.release(rows)
    until(lambda: program.done == target)


def bits(part: dict[str, Any]) -> np.ndarray:
    tensor = part["results"]["c"]
    assert tensor["dtype"] == "bool"
    plain = np.frombuffer(zlib.decompress(base64.b64decode(tensor["data"])), np.uint8)
    return np.unpackbits(plain, count=int(np.prod(tensor["shape"])), bitorder="little").reshape(tensor["shape"]).astype(bool)


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            yield {"event": "beat"}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
        elif event:
            yield event
            event = {}


def test_rows_so_far(stepwise: tuple[Stepwise, str], alice: httpx.Client) -> None:
    program, job_id = stepwise
    path = f"/jobs/{job_id}/interim_results"
    empty = alice.get(path).json()
    assert (empty["state"], empty["attempt"], empty["parts"], empty["last_event_id"]) == ("Running", 1, [], None)
    step(program, 2)
    answer = alice.get(path).json()
    assert [(part["item"], part["first_row"], part["rows"], part["shape"]) for part in answer["parts"]] == [
        (0, 0, 1, [5]),
        (0, 1, 1, [5]),
    ]
    assert np.array_equal(np.concatenate([bits(part) for part in answer["parts"]]), BITS[:2])
    step(program, 1)
    more = alice.get(path, params={"after": answer["last_event_id"]}).json()
    assert not more["from_start"]
    assert [part["first_row"] for part in more["parts"]] == [2]
    assert alice.get(path, params={"after": "0.1.77"}).json()["from_start"], "of a run that was lost"
    assert alice.get(path, params={"after": "yesterday"}).status_code == 400


def test_a_stream_gives_each_part_once_and_ends_with_the_state(stepwise: tuple[Stepwise, str], alice: httpx.Client) -> None:
    program, job_id = stepwise
    step(program, 1)
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        found = events(response)
        first = next(found)
        assert (first["event"], first["data"]["first_row"]) == ("rows", 0)
        step(program, 1)
        assert next(found)["data"]["first_row"] == 1
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream", headers={"last-event-id": first["id"]}) as response:
        found = events(response)
        assert next(found)["data"]["first_row"] == 1, "taken up after the event that the client had seen"
        step(program, 1)
        assert next(found)["data"]["first_row"] == 2
        alice.post(f"/jobs/{job_id}/cancel")
        assert list(found) == [{"event": "end", "data": {"state": "Cancelled", "reason": CANCELLED.text}}]


def test_a_job_started_afresh_voids_its_rows(stepwise: tuple[Stepwise, str], alice: httpx.Client, running: Bridge) -> None:
    program, job_id = stepwise
    step(program, 2)
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream") as response:
        found = events(response)
        assert [next(found)["event"], next(found)["event"]] == ["rows", "rows"]
        with running.store.database.write() as connection:
            interim.forget(connection, running.store.job(job_id).number)
        assert next(found)["event"] == "restart"
        step(program, 1)
        assert next(found)["data"]["first_row"] == 2


def test_the_end_is_no_new_start(
    stepwise: tuple[Stepwise, str], alice: httpx.Client, running: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, job_id = stepwise
    step(program, 1)

    def has(*place: Any) -> bool:
        # the job ends, and its rows are forgotten, after a stream has read that it runs
        program.steps.release(4)
        until(lambda: running.store.job(job_id).state is State.COMPLETED)
        return interim.has(*place)

    monkeypatch.setattr(face, "has", has)
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream") as response:
        assert [event["event"] for event in events(response)] == ["rows", "end"]


@pytest.mark.parametrize("shut_out", ["disabled", "revoked", "expelled"])
def test_a_stream_ends_with_the_access_of_its_user(
    shut_out: str, stepwise: tuple[Stepwise, str], running: Bridge, alice: httpx.Client
) -> None:
    program, job_id = stepwise
    program.steps.release()
    store = running.store
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream") as response:
        lines = response.iter_lines()
        assert "event: rows" in lines
        if shut_out == "disabled":
            store.users.disable("alice")
        elif shut_out == "revoked":
            store.tokens.revoke(running.alice.split("-")[1])
        else:
            store.users.leave("alice", store.users.user("alice").instances[0])
        assert "event: end" in lines
        assert json.loads(next(lines).removeprefix("data: ")) == {"state": "Deleted"}


def test_a_silent_stream_says_that_it_lives(
    stepwise: tuple[Stepwise, str], alice: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "BEAT_S", 0.2)
    with alice.stream("GET", f"/jobs/{stepwise[1]}/interim_results/stream") as response:
        assert next(events(response)) == {"event": "beat"}


def test_nobody_else_sees_them_and_none_are_left(
    stepwise: tuple[Stepwise, str], alice: httpx.Client, bob: httpx.Client, running: Bridge
) -> None:
    program, job_id = stepwise
    for path in (f"/jobs/{job_id}/interim_results", f"/jobs/{job_id}/interim_results/stream"):
        assert bob.get(path).status_code == 404
    step(program, 5)
    until(lambda: running.store.job(job_id).state is State.COMPLETED)
    assert alice.get(f"/jobs/{job_id}/interim_results").json()["parts"] == []
    with alice.stream("GET", f"/jobs/{job_id}/interim_results/stream") as response:
        assert [event["data"]["state"] for event in events(response)] == ["Completed"]


def test_there_are_not_more_streams_than_we_said(
    stepwise: tuple[Stepwise, str], running: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "MOST_STREAMS", 1)
    path = f"/api/v1/jobs/{stepwise[1]}/interim_results/stream"
    with running.again() as url, running.http(running.alice) as http, http.stream("GET", url + path) as response:
        assert response.status_code == 200
        stepwise[0].steps.release()
        found = events(response)
        assert next(found)["event"] == "rows"
        assert http.get(url + path).status_code == 429
        found.close()
        # its client has left, and so there is room again
        until(lambda: http.stream("GET", url + path).__enter__().status_code == 200)
