"""Who may do what: every route, every role, every owner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from qpu_bridge.jobs import Mode, Opening, Owner, Role
from qpu_bridge.service import crn
from tests.service.test_http import end, message
from tests.service.test_identity import GRANT

if TYPE_CHECKING:
    from tests.service.conftest import Bridge

OPEN = {"/identity/token", "/qpu-bridge-plan", "/healthz", "/readyz", "/metrics", "/api/v1/versions"}
"""Paths that need no token."""

BODIES: dict[str, dict[str, object]] = {
    "POST /jobs": {"program_id": "sampler", "backend": "lab_two", "params": {}},
    "PUT /jobs/{job_id}/tags": {"tags": []},
    "POST /sessions": {"mode": "batch", "backend": "lab_two"},
    "PATCH /sessions/{session_id}": {"accepting_jobs": False},
}


def operations(bridge: Bridge) -> Iterator[tuple[str, str]]:
    paths = httpx.get(f"{bridge.url}/openapi.json", trust_env=False, timeout=60).raise_for_status().json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            yield method.upper(), path


def ask(bridge: Bridge, key: str | None, method: str, path: str, instance: str = "lab", **fields: object) -> httpx.Response:
    headers = {"service-crn": crn(instance)} | ({} if key is None else {"authorization": f"apikey {key}"})
    body = BODIES.get(f"{method} {path.removeprefix('/api/v1')}", fields)
    filled = path
    for name, value in fields.items():
        filled = filled.replace(f"{{{name}}}", str(value))
    send: dict[str, Any] = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
    return httpx.request(method, bridge.url + filled, headers=headers, trust_env=False, **send)


@pytest.fixture
def keys(bridge: Bridge) -> dict[str, str]:
    """A key for each role, all of other people than alice, in her instance."""
    bridge.store.users.add("root", Role.ADMINISTRATOR)
    bridge.store.users.add("eve", Role.MONITOR)
    bridge.store.users.join("alice", "physics")
    made = {name: bridge.store.tokens.create(name) for name in ("root", "eve")}
    return made | {"bob": bridge.bob, "alice elsewhere": bridge.alice}


def test_nobody_comes_in_anywhere_without_a_token(bridge: Bridge) -> None:
    tried = 0
    for method, path in operations(bridge):
        if path not in OPEN:
            tried += 1
            assert ask(bridge, None, method, path).status_code == 401, f"{method} {path}"
    assert tried > 40


def test_nobody_sees_what_is_somebody_elses(running: Bridge, alice: httpx.Client, keys: dict[str, str]) -> None:
    alice.headers["service-crn"] = crn("lab")
    job = running.submit(alice)
    end(running, job)
    session = running.store.sessions.create(Owner("alice", "lab"), Opening("lab_two", Mode.BATCH, 60, 60)).id
    own = [(m, p) for m, p in operations(running) if "/admin/" not in p and ("{job_id}" in p or "{session_id}" in p)]
    assert len(own) >= 11
    for who, key in keys.items():
        for method, path in own:
            instance = "physics" if who == "alice elsewhere" else "lab"
            # who only looks is told so before anything is looked for
            expected = 403 if who == "eve" and method != "GET" else 404
            answer = ask(running, key, method, path, instance, job_id=job, session_id=session)
            assert answer.status_code == expected, f"{who}: {method} {path}: {answer.text}"
    for key, instance in ((keys["bob"], "lab"), (keys["root"], "lab"), (running.alice, "physics")):
        for path in ("/jobs", "/workloads", "/tags"):
            text = ask(running, key, "GET", f"/api/v1{path}", instance).text
            assert job not in text
            assert session not in text
    for path in ("", "/results", "/logs", "/metrics"):
        assert alice.get(f"/jobs/{job}{path}").status_code == 200
    assert alice.get(f"/sessions/{session}").json()["accepting_jobs"] is True


def test_administrators_paths_are_for_administrators(bridge: Bridge, keys: dict[str, str]) -> None:
    routes = [(m, p) for m, p in operations(bridge) if "/admin/" in p]
    assert len(routes) >= 25
    before = bridge.store.audit.entries()
    for method, path in routes:
        assert ask(bridge, keys["bob"], method, path).status_code == 403, f"{method} {path}"
        looks = ask(bridge, keys["eve"], method, path, device="lab_two", name="bob")
        assert (looks.status_code == 403) is (method != "GET"), f"{method} {path}: {looks.text}"
    assert bridge.store.audit.entries() == before


def test_a_monitor_submits_nothing(bridge: Bridge, keys: dict[str, str]) -> None:
    assert "must allow changes" in message(ask(bridge, keys["eve"], "POST", "/api/v1/jobs"), 403)
    assert ask(bridge, keys["eve"], "GET", "/api/v1/backends").status_code == 200


class TestInstances:
    def test_a_token_opens_all_instances_of_its_user_and_one_must_be_named(self, bridge: Bridge, alice: httpx.Client) -> None:
        assert alice.get("/instance").json()["name"] == "lab"
        bridge.store.users.join("alice", "physics")
        items = httpx.post(
            f"{bridge.url}/v3/resources/search", headers={"authorization": f"apikey {bridge.alice}"}, trust_env=False
        ).json()["items"]
        assert [item["name"] for item in items] == ["lab", "physics"]
        assert "Yours: lab, physics" in str(alice.get("/instance").json()["errors"][0]["message"])
        for instance in ("lab", "physics"):
            for name in (instance, crn(instance)):
                assert alice.get("/instance", headers={"service-crn": name}).json()["name"] == instance
        message(alice.get("/instance", headers={"service-crn": crn("chemistry")}), 401)

    def test_a_token_of_one_instance_opens_that_one(self, bridge: Bridge) -> None:
        token = bridge.store.tokens.create("alice", "physics")
        with bridge.http(token) as http:
            assert http.get("/instance").json()["name"] == "physics"
            message(http.get("/instance", headers={"service-crn": crn("lab")}), 401)
            bridge.store.users.leave("alice", "physics")
            message(http.get("/instance"), 401)


def test_who_is_disabled_is_out_at_once(bridge: Bridge) -> None:
    form = {"grant_type": GRANT, "apikey": bridge.alice}
    answer = httpx.post(f"{bridge.url}/identity/token", data=form, trust_env=False, timeout=60).json()
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    assert httpx.get(f"{bridge.base}/jobs", headers=headers, trust_env=False, timeout=60).status_code == 200
    bridge.store.users.disable("alice")
    assert httpx.get(f"{bridge.base}/jobs", headers=headers, trust_env=False, timeout=60).status_code == 401
    assert httpx.post(f"{bridge.url}/identity/token", data=form, trust_env=False, timeout=60).status_code == 400
    bridge.store.users.enable("alice")
    assert httpx.get(f"{bridge.base}/jobs", headers=headers, trust_env=False, timeout=60).status_code == 200


def test_an_access_token_ends_with_its_key(bridge: Bridge) -> None:
    token = bridge.store.tokens.create("alice", days=0.01)
    answer = httpx.post(
        f"{bridge.url}/identity/token", data={"grant_type": GRANT, "apikey": token}, trust_env=False, timeout=60
    ).json()
    assert 0 < answer["expires_in"] <= 864
