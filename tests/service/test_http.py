"""Plain HTTP: what the client does not show, and what it would never send."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from qpu_bridge.errors import NotFound, StoreFault
from qpu_bridge.jobs import PENDING, Owner, Request, State

if TYPE_CHECKING:
    from qpu_bridge.jobs import Job, Work
    from tests.service.conftest import Bridge

ALICE = Owner("alice", "lab")


def message(response: httpx.Response, status: int) -> str:
    """The message of a refusal, after a look at both of its forms."""
    assert response.status_code == status, response.text
    body = response.json()
    (error,) = body["errors"]
    assert set(error) == {"code", "message", "solution", "more_info"}
    assert body["error"] == {"code": error["code"], "message": error["message"]}
    assert response.headers["uber-trace-id"] == body["trace"] != ""
    return str(error["message"])


def end(bridge: Bridge, job_id: str) -> Job:
    """Wait for the end of a job."""
    ended = threading.Event()
    while bridge.store.job(job_id).state in PENDING:
        ended.wait(0.002)
    return bridge.store.job(job_id)


MANY_TAGS = "&".join(f"tags={number}" for number in range(9))


class TestSubmission:
    def test_params_come_back_byte_for_byte(self, bridge: Bridge, alice: httpx.Client) -> None:
        params = '{ "pubs" : [1.50, 1e3,NaN],\n "ü":"\\u00fc", "b":1, "b": 2 }'
        body = f'{{"backend":"lab_two", "params":{params} , "program_id" : "sampler"}}'
        job_id = alice.post("/jobs", content=body.encode()).json()["id"]
        assert bridge.store.params(bridge.store.job(job_id)) == params.encode()
        assert f'"params": {params}' in alice.get(f"/jobs/{job_id}").text
        assert "params" not in alice.get(f"/jobs/{job_id}?exclude_params=true").json()
        assert "params" not in alice.get("/jobs").json()["jobs"][0]

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "JSON object"),
            (b"[]", "JSON object"),
            (b"{", "JSON object"),
            (b"{} {}", "JSON object"),
            (b'{"a":1,}', "JSON object"),
            (b"\xff", "UTF-8"),
            (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested deeply"),
            (b'{"a":' + b"9" * 5000 + b"}", "JSON object"),
            (b'{"backend":"a","backend":"b"}', "named once"),
            (b'{"params":[]}', "params must be a JSON object"),
            (b"{}", "params must be a JSON object"),
            (b'{"params":{},"backend":"lab_two","program_id":"sampler","tags":["\\ud800"]}', "tags must be"),
        ],
    )
    def test_a_malformed_body(self, alice: httpx.Client, body: bytes, says: str) -> None:
        assert says in message(alice.post("/jobs", content=body), 400)

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"backend": "moon_one"}, "Available: lab_two"),
            ({"backend": None}, "backend must be a text"),
            ({"program_id": 7}, "program_id must be a text"),
            ({"tags": ["x"] * 9}, "at most 8"),
            ({"tags": ["x" * 87]}, "86 characters"),
            ({"tags": "x"}, "tags must be"),
            ({"cost": 0}, "whole number of seconds"),
            ({"cost": True}, "whole number of seconds"),
            ({"cost": 1.5}, "whole number of seconds"),
            ({"log_level": "loud"}, "log_level must be one of"),
            ({"calibration_id": "cal-0"}, "Use cal-1"),
            ({"session_id": "s"}, "the session must exist; got s"),
            ({"session_id": ""}, "text of 1 to 36 characters"),
            ({"start_session": "yes"}, "start_session must be true or false"),
            ({"session_time": 60}, "session_time must come with start_session"),
            ({"start_session": True, "session_time": 10**6}, "max_ttl must be at most 28800 s"),
            ({"start_session": True, "session_id": "s"}, "must not start a session and belong to another"),
            ({"runtime": "image:tag"}, "There is one runtime"),
            ({"shots": 7}, "all fields must be known; got shots"),
        ],
    )
    def test_a_field_that_cannot_be_honoured(
        self, bridge: Bridge, alice: httpx.Client, fields: dict[str, object], says: str
    ) -> None:
        assert says in message(bridge.post(alice, **fields), 400)
        assert alice.get("/jobs").json()["count"] == 0

    def test_an_unknown_program(self, bridge: Bridge, alice: httpx.Client) -> None:
        assert "Available: sampler" in message(bridge.post(alice, program_id="poetry"), 404)

    def test_a_job_that_would_be_ended_before_it_is_done(self, bridge: Bridge, alice: httpx.Client) -> None:
        bridge.check = lambda *ignored: 10_801.0
        said = message(bridge.post(alice), 400)
        assert "at most 10800 s of device time unless it asks for more; got 10801 s (cost). Set max_execution_time" in said
        assert alice.get("/jobs").json()["count"] == 0
        asked = bridge.submit(alice, cost=10_800)
        bridge.check = lambda *ignored: 10_800.0
        fits = bridge.submit(alice)
        assert [alice.get(f"/jobs/{job}").json()["cost"] for job in (asked, fits)] == [10_800, 10_800]

    def test_a_check_that_breaks_is_not_asked_again(self, bridge: Bridge, alice: httpx.Client) -> None:
        def broken(*ignored: object) -> None:
            raise ZeroDivisionError("secret of the lab")

        bridge.check = broken
        said = message(bridge.post(alice), 400)
        assert "nobody foresaw" in said
        assert "secret" not in said

    def test_a_request_key_makes_one_job(self, bridge: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
        body = {"program_id": "sampler", "backend": "lab_two", "params": {}}
        first, again = (alice.post("/jobs", json=body, headers={"idempotency-key": "k"}).json()["id"] for _ in range(2))
        assert first == again
        assert bob.post("/jobs", json=body, headers={"idempotency-key": "k"}).json()["id"] != first
        assert bridge.submit(alice) != bridge.submit(alice)
        other = alice.post("/jobs", json=body | {"tags": ["x"]}, headers={"idempotency-key": "k"})
        assert f"a key must stand for one request; got k (Idempotency-Key). It made {first}" in message(other, 400)
        assert alice.get("/jobs").json()["count"] == 3

    def test_a_request_key_outlives_its_session(self, alice: httpx.Client) -> None:
        session = alice.post("/sessions", json={"mode": "dedicated", "backend": "lab_two"}).json()["id"]
        body = {"program_id": "sampler", "backend": "lab_two", "params": {}, "session_id": session}
        first = alice.post("/jobs", json=body, headers={"idempotency-key": "k"}).json()["id"]
        assert alice.delete(f"/sessions/{session}/close").status_code == 204
        assert "this one is closed" in message(alice.post("/jobs", json=body), 409)
        assert alice.post("/jobs", json=body, headers={"idempotency-key": "k"}).json()["id"] == first

    def test_a_repeated_request_whose_answer_was_lost(self, bridge: Bridge, alice: httpx.Client) -> None:
        """The process died between the disk and the answer; a proxy said 502, and the client repeats its POST."""
        body = b'{"program_id":"sampler","backend":"lab_two","params":{"n":1}}'
        lost = bridge.store.accept(ALICE, Request("sampler", "lab_two", b'{"n":1}', digest=hashlib.sha256(body).digest()))
        assert bridge.store.repeats.unanswered() == {(ALICE, hashlib.sha256(body).digest()): lost.id}
        with bridge.again() as url:
            headers = {"authorization": f"apikey {bridge.alice}"}
            first, second = (
                httpx.post(f"{url}/api/v1/jobs", content=body, headers=headers, trust_env=False, timeout=60).json()["id"]
                for _ in range(2)
            )
        assert first == lost.id
        assert second != lost.id
        assert bridge.store.repeats.unanswered() == {}


class TestBodies:
    def test_a_declared_giant_is_refused_unread(self, bridge: Bridge, alice: httpx.Client) -> None:
        host, port = bridge.url.removeprefix("http://").split(":")
        head = (
            f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: apikey {bridge.alice}\r\n"
            f"Expect: 100-continue\r\nContent-Length: 99999999999999999999\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            raw.sendall(head.encode())
            assert raw.recv(4096).startswith(b"HTTP/1.1 413")

    def test_a_chunked_giant_is_refused_on_the_way(self, bridge: Bridge, alice: httpx.Client) -> None:
        def endless() -> Iterator[bytes]:
            for _ in range(40):
                yield b" " * 65_536

        assert "at most 1000000 bytes" in message(alice.post("/jobs", content=endless()), 413)

    def test_a_head_without_end_is_cut_off(self, bridge: Bridge) -> None:
        host, port = bridge.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            raw.sendall(b"GET /api/v1/backends HTTP/1.1\r\nHost: x\r\n")
            try:
                raw.sendall((b"X: " + b"x" * 8000 + b"\r\n") * 1000)
                said = raw.recv(4096)
            except ConnectionError:
                return  # cut off while it was still sending
            assert said.startswith(b"HTTP/1.1 400")

    @pytest.mark.parametrize(
        "path", ["/jobs/a%0d%0aX-Evil:1", "/backends/%0d%0a%0d%0a/status", "/jobs/%00", "/jobs/..%2f..%2fsecret"]
    )
    def test_no_path_reaches_a_header_or_a_file(self, alice: httpx.Client, path: str) -> None:
        answer = alice.get(path)
        assert answer.status_code in (400, 404)
        assert "x-evil" not in answer.headers

    def test_other_bodies_are_small(self, alice: httpx.Client) -> None:
        assert "at most 65536 bytes" in message(alice.put("/jobs/x/tags", content=b" " * 70_000), 413)

    def test_a_packed_body_stays_packed(self, alice: httpx.Client) -> None:
        bomb = gzip.compress(b" " * 10_000_000)
        for packing, body in (("gzip", bomb), ("deflate", zlib.compress(b"{}")), ("br", b"x")):
            said = message(alice.post("/jobs", content=body, headers={"content-encoding": packing}), 415)
            assert "packed" in said

    def test_a_client_that_goes_away(self, bridge: Bridge, alice: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
        with bridge.again() as url:
            host, port = url.removeprefix("http://").split(":")
            head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: apikey {bridge.alice}\r\nContent-Length: 9\r\n\r\n{{"
            with socket.create_connection((host, int(port)), timeout=30) as raw:
                raw.sendall(head.encode())
            assert httpx.get(f"{url}/healthz", trust_env=False, timeout=60).status_code == 200
        assert caplog.records == []
        assert alice.get("/jobs").json()["count"] == 0

    def test_the_connection_after_a_refusal(self, bridge: Bridge, alice: httpx.Client) -> None:
        for _ in range(3):
            assert alice.post("/jobs", content=b" " * 1_500_000).status_code == 413
            assert bridge.post(alice).status_code == 200


class TestJobs:
    def test_a_life(self, running: Bridge, alice: httpx.Client) -> None:
        running.run = lambda job, work: '{"answer": 42, "params": ' + work.params + "}"
        job_id = running.submit(alice, params={"n": 1}, tags=["a", "b"], cost=10)
        assert end(running, job_id).state is State.COMPLETED
        response = alice.get(f"/jobs/{job_id}/results")
        assert response.json() == {"answer": 42, "params": {"n": 1}}
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        shown = alice.get(f"/jobs/{job_id}").json()
        assert shown["state"] == {"status": "Completed"}
        assert (shown["tags"], shown["cost"], shown["program"]) == (["a", "b"], 10, {"id": "sampler"})
        assert shown["created"].endswith("Z")
        metrics = alice.get(f"/jobs/{job_id}/metrics").json()
        assert metrics["usage"]["status"] == "complete"
        assert metrics["timestamps"]["created"] <= metrics["timestamps"]["running"] <= metrics["timestamps"]["finished"]
        assert alice.delete(f"/jobs/{job_id}").status_code == 204
        message(alice.get(f"/jobs/{job_id}"), 404)

    def test_a_pending_job(self, bridge: Bridge, alice: httpx.Client) -> None:
        job_id = bridge.submit(alice)
        assert alice.get(f"/jobs/{job_id}/results").status_code == 204
        assert alice.get(f"/jobs/{job_id}/metrics").json()["usage"]["status"] == "pending"
        assert "ended" in message(alice.delete(f"/jobs/{job_id}"), 400)
        assert alice.post(f"/jobs/{job_id}/cancel").status_code == 204
        assert alice.get(f"/jobs/{job_id}/results").status_code == 204
        message(alice.post(f"/jobs/{job_id}/cancel"), 409)

    def test_the_result_of_a_failed_job_is_its_reason(self, running: Bridge, alice: httpx.Client) -> None:
        def run(job: Job, work: Work) -> str:
            raise ValueError("never seen")

        running.run = run
        job_id = running.submit(alice)
        end(running, job_id)
        response = alice.get(f"/jobs/{job_id}/results")
        assert response.status_code == 200
        assert "nobody foresaw" in response.text

    def test_nothing_leaks(self, running: Bridge, alice: httpx.Client, bob: httpx.Client) -> None:
        job_id = running.submit(alice, params={"secret": "kilo"}, tags=["sierra"])
        end(running, job_id)
        for method, path in (
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/results"),
            ("GET", "/logs"),
            ("GET", "/metrics"),
            ("POST", "/cancel"),
        ):
            theirs = bob.request(method, f"/jobs/{job_id}{path}")
            nobodys = bob.request(method, f"/jobs/{'0' * 20}{path}")
            said = message(theirs, 404)
            assert said.replace(job_id, "?") == message(nobodys, 404).replace("0" * 20, "?")
        message(bob.put(f"/jobs/{job_id}/tags", json={"tags": ["mine"]}), 404)
        assert bob.get("/jobs").json()["jobs"] == []
        assert bob.get("/tags").json() == {"tags": []}
        assert alice.get("/tags?search=sier").json() == {"tags": ["sierra"]}
        assert alice.get(f"/jobs/{job_id}").json()["params"] == {"secret": "kilo"}

    def test_pages(self, bridge: Bridge, alice: httpx.Client) -> None:
        made = [bridge.submit(alice, tags=["all", f"t{n % 2}"]) for n in range(5)]

        def ask(query: str) -> tuple[list[int], int]:
            body = alice.get(f"/jobs?{query}").json()
            return [made.index(job["id"]) for job in body["jobs"]], body["count"]

        assert ask("") == ([4, 3, 2, 1, 0], 5)
        assert ask("sort=ASC&limit=2&offset=1") == ([1, 2], 5)
        assert ask("tags=all&tags=t1") == ([3, 1], 2)
        assert ask("offset=5") == ([], 5)
        assert ask("offset=99") == ([], 99)
        assert ask("tags=none") == ([], 0)
        for beyond in (-1, 0, 201, 2**70):
            assert alice.get(f"/jobs?limit={beyond}").json()["limit"] == 200
        assert ask(f"offset={2**70}")[0] == []
        assert ask("backend=other") == ([], 0)
        assert ask("session_id=x") == ([], 0)
        moment = bridge.store.job(made[2]).created.isoformat()
        assert ask("created_after=" + moment)[0] == [4, 3, 2]
        assert ask("created_before=" + moment.replace("+00:00", "Z"))[0] == [2, 1, 0]

    @pytest.mark.parametrize(
        "query",
        [
            "limit=x",
            "offset=-1",
            "sort=up",
            "created_after=yesterday",
            "pending=maybe",
            "exclude_params=false",
            "created_after=1",
            "&".join(f"tags={number}" for number in range(9)),
        ],
    )
    def test_a_query_that_makes_no_sense(self, alice: httpx.Client, query: str) -> None:
        message(alice.get(f"/jobs?{query}"), 400)

    @pytest.mark.parametrize("body", [{}, {"tags": 1}, {"tags": [""]}, {"tags": ["a"], "more": 1}, []])
    def test_tags_that_are_none(self, bridge: Bridge, alice: httpx.Client, body: object) -> None:
        job_id = bridge.submit(alice)
        message(alice.put(f"/jobs/{job_id}/tags", json=body), 400)


class TestBackends:
    def test_mocks_are_shown_when_asked_for(self, bridge: Bridge, alice: httpx.Client) -> None:
        assert [device["name"] for device in alice.get("/backends").json()["devices"]] == ["lab_two"]
        devices = alice.get("/backends?include_mocks=True").json()["devices"]
        assert [(device["name"], device["class"]) for device in devices] == [("lab_two", "real"), ("mock_two", "mock")]
        assert devices[0]["status"] == {"name": "offline", "reason": "its runner is not there"}
        assert alice.get("/backends/mock_two/configuration").json()["backend_name"] == "mock_two"

    def test_a_paused_device(self, running: Bridge, alice: httpx.Client) -> None:
        running.store.devices.pause("lab_two", "helium")
        assert alice.get("/backends").json()["devices"][0]["status"] == {"name": "paused", "reason": "helium"}
        status = alice.get("/backends/lab_two/status").json()
        assert (status["state"], status["status"], status["message"]) == (True, "paused: helium", "helium")

    def test_calibrations(self, alice: httpx.Client) -> None:
        assert alice.get("/backends/lab_two/properties?calibration_id=cal-1").json()["qubits"]
        assert "Use cal-1" in message(alice.get("/backends/lab_two/properties?calibration_id=cal-0"), 404)
        assert alice.get("/backends/lab_two/properties?updated_before=2020-01-01T00:00:00+00:00").json() == {}
        assert alice.get("/backends/lab_two/properties", params={"updated_before": "2030-01-01T00:00:00Z"}).json()["qubits"]
        message(alice.get("/backends/none_two/configuration"), 404)


class TestRest:
    def test_health_needs_no_token(self, bridge: Bridge) -> None:
        assert httpx.get(f"{bridge.url}/healthz", trust_env=False, timeout=60).json() == {"status": "ok"}

    def test_versions_and_instance(self, alice: httpx.Client) -> None:
        assert "2026-04-15" in alice.get("/versions").json()["versions"]
        assert alice.get("/instance").json()["name"] == "lab"

    def test_paths_that_are_not_there(self, alice: httpx.Client) -> None:
        for path in ("/nothing", "/../../elsewhere", "/jobs/x/y/z"):
            assert "the path must exist" in message(alice.get(path), 404)
            assert alice.get(path).json()["errors"][0]["code"] == NotFound.code == 1005
        message(alice.put("/backends"), 405)

    def test_a_failure_tells_no_internals(self, bridge: Bridge, alice: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*ignored: object) -> None:
            raise ZeroDivisionError("secret of the lab")

        monkeypatch.setattr(bridge.store, "page", broken)
        said = message(alice.get("/jobs"), 500)
        assert "secret" not in said
        assert alice.get("/backends").status_code == 200

    def test_a_store_in_trouble_tells_no_path(
        self, bridge: Bridge, alice: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def full(*ignored: object) -> None:
            raise StoreFault("the job store must be usable", given="SQLITE_FULL", where=str(tmp_path), remedy="Make room.")

        monkeypatch.setattr(bridge.store, "accept", full)
        said = message(bridge.post(alice), 507)
        assert "Make room" in said
        assert str(tmp_path) not in said
