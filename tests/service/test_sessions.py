"""Sessions and batches over plain HTTP."""

from __future__ import annotations

import threading

import httpx
import pytest

from qpu_bridge.errors import QuotaReached, WrongState
from qpu_bridge.jobs import Job, Work
from qpu_bridge.jobs.queue import Queue
from tests.service.conftest import Bridge, canned


def message(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["errors"][0]["message"])


def open_one(http: httpx.Client, mode: str = "dedicated", **fields: object) -> str:
    response = http.post("/sessions", json={"mode": mode, "backend": "lab_two"} | fields)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


@pytest.fixture
def queue(bridge: Bridge) -> Queue:
    return Queue(bridge.store.database, "lab_two", "r")


class TestOpening:
    def test_what_it_has_unless_it_says_otherwise(self, alice: httpx.Client) -> None:
        shown = alice.get(f"/sessions/{open_one(alice)}").json()
        assert (shown["backend_name"], shown["mode"], shown["state"]) == ("lab_two", "dedicated", "open")
        assert (shown["max_ttl"], shown["active_ttl"], shown["interactive_ttl"]) == (28800, None, 60)
        assert shown["accepting_jobs"] is True
        assert shown["elapsed_time"] == 0
        assert [moment["status"] for moment in shown["timestamps"]] == ["open"]
        assert shown["started_at"] is None
        assert shown["created_at"].endswith("Z")
        assert len(shown["id"]) <= 36

    def test_what_it_may_say(self, alice: httpx.Client) -> None:
        times = {"max_ttl": 600, "active_ttl": 300, "interactive_ttl": 30}
        shown = alice.get(f"/sessions/{open_one(alice, 'batch', instance='lab', **times)}").json()
        assert {name: shown[name] for name in times} == times
        assert (shown["mode"], shown["calibration_id"]) == ("batch", "cal-1")

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"mode": "quiet"}, "mode must be one of dedicated, batch; got quiet"),
            ({"backend": "x_y"}, "a session must name a device; got x_y (backend). Available: lab_two"),
            ({"backend": "mock_two"}, "A dry run needs no session"),
            ({"max_ttl": 28801}, "max_ttl must be at most 28800 s"),
            ({"max_ttl": "10m"}, "max_ttl must be a whole number of seconds"),
            ({"max_ttl": True}, "max_ttl must be a whole number of seconds"),
            ({"interactive_ttl": 901}, "interactive_ttl must be at most 900 s"),
            ({"max_ttl": 60, "interactive_ttl": 61}, "interactive_ttl must not be longer"),
            ({"max_ttl": 60, "active_ttl": 61}, "active_ttl must not be longer than max_ttl"),
            ({"instance": "another"}, "the instance must be the one of the request"),
            ({"colour": "red"}, "all fields must be known; got colour"),
        ],
    )
    def test_what_it_may_not_say(self, alice: httpx.Client, fields: dict[str, object], says: str) -> None:
        assert says in message(alice.post("/sessions", json={"mode": "dedicated", "backend": "lab_two"} | fields), 400)

    def test_nobody_sees_anothers(self, alice: httpx.Client, bob: httpx.Client) -> None:
        identifier = open_one(alice)
        for answer in (
            bob.get(f"/sessions/{identifier}"),
            bob.patch(f"/sessions/{identifier}", json={"accepting_jobs": False}),
            bob.delete(f"/sessions/{identifier}/close"),
            alice.get("/sessions/x"),
        ):
            assert "the session must exist" in message(answer, 404)
        assert alice.get(f"/sessions/{identifier}").json()["accepting_jobs"] is True

    def test_a_name_for_the_request_makes_one_session(self, alice: httpx.Client, bob: httpx.Client) -> None:
        named = {"idempotency-key": "mine"}
        body = {"mode": "batch", "backend": "lab_two"}
        first, second = (alice.post("/sessions", json=body, headers=named).json()["id"] for _ in range(2))
        assert first == second
        assert bob.post("/sessions", json=body, headers=named).json()["id"] != first
        other = alice.post("/sessions", json=body | {"max_ttl": 60}, headers=named)
        assert f"a key must stand for one request; got mine (Idempotency-Key). It made {first}" in message(other, 400)
        for key in ("", "x" * 256):
            assert "must have 1 to 255" in message(alice.post("/sessions", json=body, headers={"idempotency-key": key}), 400)
        assert open_one(alice, "batch") != open_one(alice, "batch")

    def test_a_name_stands_for_its_session_after_its_end(self, alice: httpx.Client) -> None:
        named = {"idempotency-key": "mine"}
        body = {"mode": "dedicated", "backend": "lab_two"}
        first = alice.post("/sessions", json=body, headers=named).json()["id"]
        assert alice.delete(f"/sessions/{first}/close").status_code == 204
        again = alice.post("/sessions", json=body, headers=named).json()
        assert (again["id"], again["state"]) == (first, "closed")

    def test_a_post_that_was_not_answered_makes_one_session(self, bridge: Bridge, alice: httpx.Client) -> None:
        made = open_one(alice)
        told = open_one(alice)
        with bridge.store.database.write() as connection:
            connection.exec_driver_sql(f"update sessions set answered = (id = '{told}')")
        with (
            bridge.again() as url,
            httpx.Client(base_url=f"{url}/api/v1", headers=alice.headers, trust_env=False, timeout=60) as after,
        ):
            assert open_one(after) == made
            assert open_one(after) not in (made, told)


class TestJobs:
    def test_a_job_belongs_to_its_session(self, bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
        identifier = open_one(alice)
        answer = bridge.post(alice, session_id=identifier).json()
        assert answer["session_id"] == identifier
        assert alice.get(f"/jobs/{answer['id']}").json()["session_id"] == identifier
        assert alice.get("/jobs", params={"session_id": identifier}).json()["count"] == 1
        assert "the session must exist" in message(bridge.post(bob, session_id=identifier), 400)

    def test_a_closed_session_takes_none(self, bridge: Bridge, alice: httpx.Client) -> None:
        identifier = open_one(alice)
        assert alice.patch(f"/sessions/{identifier}", json={"accepting_jobs": False}).status_code == 204
        assert "this one is closed: closed by its user" in message(bridge.post(alice, session_id=identifier), 409)
        assert bridge.post(alice, session_id=identifier).json()["errors"][0]["code"] == WrongState.code
        shown = alice.get(f"/sessions/{identifier}").json()
        assert (shown["state"], shown["accepting_jobs"]) == ("closed", False)
        assert "cannot take jobs again" in message(alice.patch(f"/sessions/{identifier}", json={"accepting_jobs": True}), 409)

    def test_closing_lets_its_jobs_run(self, bridge: Bridge, alice: httpx.Client, queue: Queue) -> None:
        identifier = open_one(alice, max_ttl=600)
        bridge.submit(alice, session_id=identifier)
        alice.patch(f"/sessions/{identifier}", json={"accepting_jobs": False})
        taken = queue.take()
        assert taken is not None
        shown = alice.get(f"/sessions/{identifier}").json()
        assert (shown["state"], shown["accepting_jobs"]) == ("active", False)
        queue.finish(taken.job, canned(), 1.0)
        shown = alice.get(f"/sessions/{identifier}").json()
        assert (shown["state"], shown["state_reason"]) == ("closed", "closed by its user, and no job was left")
        assert [moment["status"] for moment in shown["timestamps"]] == ["open", "active", "closed"]
        assert shown["closed_at"] == shown["last_job_completed"]

    def test_cancelling_ends_what_waits_and_spares_what_runs(self, bridge: Bridge, alice: httpx.Client, queue: Queue) -> None:
        identifier = open_one(alice)
        running, waiting = (bridge.submit(alice, session_id=identifier) for _ in range(2))
        taken = queue.take()
        assert taken is not None
        assert taken.job.id == running
        assert alice.delete(f"/sessions/{identifier}/close").status_code == 204
        assert alice.get(f"/sessions/{identifier}").json()["state"] == "pending_closed"
        state = alice.get(f"/jobs/{waiting}").json()["state"]
        assert (state["status"], state["reason_code"]) == ("Cancelled", 2001)
        assert state["reason"] == "its session was closed before it started: closed by its user"
        assert alice.get(f"/jobs/{running}").json()["state"]["status"] == "Running"
        queue.finish(taken.job, canned(), 1.0)
        assert alice.get(f"/jobs/{running}").json()["state"]["status"] == "Completed"
        assert alice.get(f"/sessions/{identifier}").json()["state"] == "closed"
        assert alice.delete(f"/sessions/{identifier}/close").status_code == 204

    def test_the_device_is_its_own(self, bridge: Bridge, alice: httpx.Client, bob: httpx.Client, queue: Queue) -> None:
        others = bridge.submit(bob)
        identifier = open_one(bob)
        first = bridge.submit(bob, session_id=identifier)
        for expected in (others, first):
            taken = queue.take()
            assert taken is not None
            assert taken.job.id == expected
            queue.finish(taken.job, canned(), 1.0)
        bridge.submit(alice)  # who used nothing yet, but the device is bob's
        assert queue.take() is None
        bob.delete(f"/sessions/{identifier}/close")
        assert queue.take() is not None

    def test_a_job_may_start_its_session(self, bridge: Bridge, alice: httpx.Client) -> None:
        answer = bridge.post(alice, start_session=True, session_time=120).json()
        shown = alice.get(f"/sessions/{answer['session_id']}").json()
        assert (shown["mode"], shown["max_ttl"], shown["state"]) == ("dedicated", 120, "open")

    def test_a_batch_keeps_its_calibration(self, bridge: Bridge, alice: httpx.Client) -> None:
        identifier = open_one(alice, "batch")
        assert bridge.post(alice, session_id=identifier).json()["calibration_id"] == "cal-1"
        with bridge.store.database.write() as connection:
            connection.exec_driver_sql("update sessions set calibration_id = 'cal-0'")
        answer = bridge.post(alice, session_id=identifier, calibration_id="cal-1")
        assert "a batch must finish on the calibration that it began with; got cal-1" in message(answer, 400)


class TestLimits:
    def test_too_many_jobs(self, bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
        bridge.store.quotas.set("lab", "alice", pending_jobs=2)
        jobs = [bridge.submit(alice) for _ in range(2)]
        answer = bridge.post(alice)
        assert "a user must have at most 2 jobs that wait or run" in message(answer, 409)
        assert answer.json()["errors"][0]["code"] == QuotaReached.code == 1009
        alice.post(f"/jobs/{jobs[0]}/cancel")
        bridge.submit(alice)
        bridge.store.quotas.set("lab", pending_jobs=2)
        assert "an instance must have at most 2 jobs" in message(bridge.post(bob), 409)

    def test_too_much_device_time(self, bridge: Bridge, alice: httpx.Client, queue: Queue) -> None:
        usage = alice.get("/instances/usage").json()
        assert "usage_limit_seconds" not in usage
        assert usage["usage_limit_reached"] is False
        bridge.store.quotas.set("lab", "alice", seconds=5)
        bridge.store.quotas.set("lab", seconds=100)
        waiting = bridge.submit(alice), bridge.submit(alice)
        taken = queue.take()
        assert taken is not None
        queue.finish(taken.job, canned(), 6.0)
        usage = alice.get("/instances/usage").json()
        assert (usage["usage_consumed_seconds"], usage["usage_limit_seconds"]) == (6.0, 5.0)
        assert (usage["usage_allocation_seconds"], usage["usage_limit_reached"]) == (100.0, True)
        assert "must have used less than 5 s of device time in 28 days; got 6.000 s" in message(bridge.post(alice), 409)
        # what was accepted before waits until there is time again
        assert queue.take() is None
        bridge.store.quotas.set("lab", "alice", seconds=50)
        again = queue.take()
        assert again is not None
        assert again.job.id == waiting[1]


def test_a_session_through_a_runner(running: Bridge) -> None:
    started, go_on = threading.Event(), threading.Event()

    def run(job: Job, work: Work) -> str:
        started.set()
        assert go_on.wait(60)
        return canned()

    running.run = run
    with running.http(running.alice) as alice:
        identifier = open_one(alice)
        job = running.submit(alice, session_id=identifier)
        assert started.wait(60)
        shown = alice.get(f"/sessions/{identifier}").json()
        assert shown["state"] == "active"
        assert shown["started_at"] == shown["activated_at"] == shown["last_job_started"]
        go_on.set()
        alice.patch(f"/sessions/{identifier}", json={"accepting_jobs": False})
        pause = threading.Event()
        while alice.get(f"/jobs/{job}").json()["state"]["status"] not in ("Completed", "Failed"):
            pause.wait(0.01)
        assert alice.get(f"/sessions/{identifier}").json()["state"] == "closed"
