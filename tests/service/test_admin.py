"""Administrators' routes: each does its act, and each act is in the audit log under its doer's name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import Mode, Opening, Owner, Role, State
from tests.service.test_http import end, message

if TYPE_CHECKING:
    from qpu_bridge.jobs import Job, Work
    from tests.service.conftest import Bridge


@pytest.fixture
def root(bridge: Bridge) -> Iterator[httpx.Client]:
    """An administrator, at the administrators' routes."""
    bridge.store.users.add("root", Role.ADMINISTRATOR, ("operations",))
    key = bridge.store.tokens.create("root")
    with httpx.Client(
        base_url=f"{bridge.base}/admin", headers={"authorization": f"apikey {key}"}, trust_env=False, timeout=60
    ) as http:
        yield http


def acts(bridge: Bridge) -> list[tuple[str, str, str]]:
    """What root did, oldest first."""
    return [(entry.act, entry.object, entry.details) for entry in bridge.store.audit.entries(actor="root")[::-1]]


def test_users(bridge: Bridge, root: httpx.Client) -> None:
    made = root.post("/users", json={"name": "cleo", "instances": ["physics"]}).json()
    assert (made["name"], made["role"], made["instances"], made["disabled"]) == ("cleo", "user", ["physics"], None)
    assert root.patch("/users/cleo", json={"role": "monitor"}).json()["role"] == "monitor"
    assert root.put("/users/cleo/instances/lab").json()["instances"] == ["physics", "lab"]
    assert root.delete("/users/cleo/instances/physics").json()["instances"] == ["lab"]
    for _ in range(2):  # twice is as good as once
        assert root.patch("/users/cleo", json={"disabled": True}).json()["disabled"].endswith("Z")
    assert root.patch("/users/cleo", json={"disabled": False}).json()["disabled"] is None
    assert [user["name"] for user in root.get("/users").json()["users"]] == ["alice", "bob", "cleo", "root"]
    assert acts(bridge) == [
        ("user.add", "cleo", "user"),
        ("user.join", "cleo", "physics"),
        ("user.role", "cleo", "user to monitor"),
        ("user.join", "cleo", "lab"),
        ("user.leave", "cleo", "physics"),
        ("user.disable", "cleo", ""),
        ("user.enable", "cleo", ""),
    ]
    message(root.post("/users", json={"name": "cleo"}), 409)
    message(root.post("/users", json={"name": "a:b"}), 400)
    message(root.post("/users", json={"name": "dora", "role": "king"}), 400)
    message(root.post("/users", json={"name": "dora", "more": 1}), 400)
    message(root.get("/users/nobody"), 404)


def test_tokens(bridge: Bridge, root: httpx.Client) -> None:
    answer = root.post("/tokens", json={"user": "bob", "days": 3})
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["token"]
    assert bridge.store.tokens.check(token) is not None
    listed = root.get("/tokens?user=bob")
    assert token.split("-", 2)[2] not in listed.text
    (shown,) = [one for one in listed.json()["tokens"] if one["id"] == token.split("-")[1]]
    assert shown["instance"] is None
    assert shown["expires"] > shown["created"]
    assert shown["last_used"] is not None
    assert root.delete(f"/tokens/{shown['id']}").status_code == 204
    assert bridge.store.tokens.check(token) is None
    assert acts(bridge) == [
        ("token.create", "bob", f"{shown['id']} for all instances, 3 days"),
        ("token.revoke", "bob", shown["id"]),
    ]
    message(root.post("/tokens", json={"user": "nobody"}), 404)
    message(root.delete("/tokens/nothing"), 404)
    assert "nobody" not in root.get("/users").text


def test_quotas_are_kept_and_felt(bridge: Bridge, root: httpx.Client, alice: httpx.Client) -> None:
    set_ = root.put("/quotas/lab?user=alice", json={"pending_jobs": 1, "seconds": 10}).json()
    assert (set_["pending_jobs"], set_["seconds"], set_["used_seconds"]) == (1, 10, 0)
    bridge.submit(alice)
    assert "at most 1 jobs" in message(bridge.post(alice), 409)
    assert root.put("/quotas/lab", json={"seconds": 5}).json()["seconds"] == 5
    assert alice.get("/instances/usage").json()["usage_limit_seconds"] == 5
    assert root.put("/quotas/lab/priority?user=alice", json={"priority": 7}).json()["priority"] == 7
    assert root.get("/quotas/lab?user=alice").json()["pending_jobs"] == 1
    message(root.put("/quotas/lab", json={"seconds": -1}), 400)
    message(root.put("/quotas/lab/priority?user=alice", json={"priority": 10**30}), 400)
    for path in ("/quotas/lob", "/quotas/lab?user=carl", "/quotas/lab/priority?user=carl"):
        body = {"priority": 1} if "priority" in path else {"seconds": 5}
        assert "must work in the instance" in message(root.put(path, json=body), 404)
    assert [(act, thing) for act, thing, _ in acts(bridge)] == [
        ("quota.set", "alice@lab"),
        ("quota.set", "lab"),
        ("owner.priority", "alice@lab"),
    ]


def test_devices(bridge: Bridge, root: httpx.Client, alice: httpx.Client) -> None:
    assert root.post("/devices/lab_two/pause", json={"reason": "helium"}).json()["state"] == "paused"
    assert alice.get("/backends/lab_two/status").json()["message"] == "helium"
    assert root.get("/devices").json()["devices"][0]["reason"] == "helium"
    assert root.post("/devices/lab_two/resume").json()["state"] == "offline"  # it has no runner here
    message(root.post("/devices/moon_one/pause", json={"reason": "far"}), 404)
    assert acts(bridge) == [("device.pause", "lab_two", "helium"), ("device.resume", "lab_two", "")]


def test_maintenance(bridge: Bridge, root: httpx.Client, alice: httpx.Client) -> None:
    starts = datetime.now(UTC) - timedelta(minutes=1)
    window = {"device": "lab_two", "starts": starts.isoformat(), "stops": (starts + timedelta(hours=1)).isoformat()}
    made = root.post("/maintenance", json=window | {"reason": "new fridge"}).json()
    assert "new fridge" in alice.get("/backends/lab_two/status").json()["message"]
    assert root.get("/maintenance").json()["windows"] == [made]
    assert root.get("/maintenance?device=other").json()["windows"] == []
    assert root.delete(f"/maintenance/{made['number']}").status_code == 204
    assert root.get("/maintenance").json()["windows"] == []
    message(root.delete(f"/maintenance/{made['number']}"), 404)
    message(root.delete(f"/maintenance/{2**70}"), 400)
    message(root.post("/maintenance", json=window | {"device": "moon_one"}), 400)
    message(root.post("/maintenance", json=window | {"starts": "0001-01-01T00:00:00+23:00"}), 400)
    message(root.post("/maintenance", json=window | {"stops": "soon"}), 400)
    assert [act for act, *_ in acts(bridge)] == ["maintenance.plan", "maintenance.remove"]


def test_jobs_and_the_queue(bridge: Bridge, root: httpx.Client, alice: httpx.Client, bob: httpx.Client) -> None:
    first, second = bridge.submit(alice, params={"secret": "kilo"}), bridge.submit(bob)
    listed = root.get("/jobs")
    assert [job["id"] for job in listed.json()["jobs"]] == [second, first]
    assert "kilo" not in listed.text + root.get(f"/jobs/{first}").text
    assert [job["id"] for job in root.get("/jobs?user=bob").json()["jobs"]] == [second]
    assert root.put(f"/jobs/{second}/priority", json={"priority": 3}).json()["priority"] == 3
    line = root.get("/queue/lab_two").json()
    assert [job["id"] for job in line["jobs"]] == [second, first]
    assert line["next"] == second
    assert root.post(f"/jobs/{second}/cancel").status_code == 204
    shown = bob.get(f"/jobs/{second}").json()
    assert shown["state"]["status"] == "Cancelled"
    assert "an administrator cancelled" in bob.get(f"/jobs/{second}/logs").text
    message(root.post(f"/jobs/{second}/cancel"), 409)
    message(root.get("/jobs/nothing"), 404)
    message(root.get("/queue/moon_one"), 404)
    assert root.get("/queue/lab_two").json()["next"] == first
    assert acts(bridge) == [("job.priority", second, "3"), ("job.cancel", second, "of bob@lab")]


def test_the_reason_of_a_private_job_is_its_owners(running: Bridge, root: httpx.Client, alice: httpx.Client) -> None:
    def run(job: Job, work: Work) -> str:
        raise BadRequest("the circuit must be round", given="kilo", remedy="Not kilo.")

    running.run = run
    job = running.submit(alice, private=True)
    assert end(running, job).state is State.FAILED
    assert "kilo" in alice.get(f"/jobs/{job}").text
    for path in (f"/jobs/{job}", "/jobs"):
        assert "kilo" not in root.get(path).text
        assert "1001" in root.get(path).text


def test_sessions(bridge: Bridge, root: httpx.Client, alice: httpx.Client) -> None:
    session = bridge.store.sessions.create(Owner("alice", "lab"), Opening("lab_two", Mode.DEDICATED, 60, 60)).id
    (shown,) = root.get("/sessions").json()["sessions"]
    assert (shown["id"], shown["user"], shown["mode"], shown["state"]) == (session, "alice", "dedicated", "open")
    assert root.delete(f"/sessions/{session}").status_code == 204
    assert root.get("/sessions").json()["sessions"] == []
    closed = alice.get(f"/sessions/{session}").json()
    assert (closed["state"], closed["state_reason"]) == ("closed", "closed by an administrator")
    message(root.delete("/sessions/nothing"), 404)
    assert acts(bridge) == [("session.close", session, "of alice@lab")]


def test_the_audit_log_is_read_and_cannot_be_written(bridge: Bridge, root: httpx.Client) -> None:
    root.patch("/users/bob", json={"disabled": True})
    (entry,) = root.get("/audit?actor=root").json()["entries"]
    assert (entry["act"], entry["object"]) == ("user.disable", "bob")
    every = root.get("/audit").json()["entries"]
    assert len(every) == len(bridge.store.audit.entries())
    assert root.get(f"/audit?before={every[0]['number']}&limit=1").json()["entries"] == every[1:2]
    assert root.get("/audit", params={"since": every[0]["at"]}).json()["entries"] == every[:1]
    assert root.get("/audit?until=2000-01-01").json()["entries"] == []
    for query in ("since=soon", "limit=0", "before=x"):
        message(root.get(f"/audit?{query}"), 400)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        message(root.request(method, "/audit"), 405)
