"""Whatever is sent: a clear answer, the processes live, and nothing leaks from one user to another."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import zmq
from qiskit import QuantumCircuit, qpy
from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Store
from tests.flow.conftest import Running, children

BASE = "/api/v1"


@pytest.fixture(scope="module")
def before(bridge: Running) -> set[int]:
    return lasting(bridge)


def lasting(bridge: Running) -> set[int]:
    """Runners and drivers; those who check a submission may come and go."""
    return {pid for pid, line in children(bridge.process.pid) if " runner " in line or " driver " in line}


@pytest.fixture
def client(bridge: Running, before: set[int]) -> Iterator[httpx.Client]:
    """Somebody with a token; afterwards every process must still be there and answer."""
    with httpx.Client(base_url=bridge.url, headers={"Authorization": f"apikey {bridge.token}"}, timeout=60) as http:
        yield http
        assert lasting(bridge) == before
        assert http.get(f"{BASE}/backends").status_code == 200


def submit(client: httpx.Client, program: str, params: Any, **more: Any) -> httpx.Response:
    body = {"program_id": program, "backend": "emu_five", "params": params, **more}
    return client.post(f"{BASE}/jobs", json=body)


def sampler_params(circuit: str) -> dict[str, Any]:
    pub = [{"__type__": "QuantumCircuit", "__value__": circuit}, None, 10]
    return {"pubs": [pub], "options": {}, "version": 2, "support_qiskit": True}


def written(version: int) -> str:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with io.BytesIO() as file:
        qpy.dump(circuit, file, version=version)
        return base64.b64encode(zlib.compress(file.getvalue())).decode()


def refused(answer: httpx.Response, *words: str) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    text = json.dumps(answer.json()["errors"])
    for word in words:
        assert word.lower() in text.lower()
    assert "Traceback" not in answer.text
    assert "site-packages" not in answer.text


def test_a_wrong_token(bridge: Running, client: httpx.Client) -> None:
    for header in ("apikey qb-000000000000-wrong", "Bearer nonsense", "Basic YTpi", ""):
        answer = client.get(f"{BASE}/backends", headers={"Authorization": header})
        assert answer.status_code == 401
    with pytest.raises(IBMNotAuthorizedError):
        BridgeService(bridge.url, "qb-000000000000-wrong")


def test_a_wrong_program(client: httpx.Client) -> None:
    answer = submit(client, "mine-bitcoins", {})
    assert answer.status_code == 404
    assert "mine-bitcoins" in answer.text


def test_a_wrong_device(client: httpx.Client) -> None:
    answer = client.post(f"{BASE}/jobs", json={"program_id": "sampler", "backend": "no_such", "params": {}})
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("version", ["v99.0", "nonsense", 7, None])
def test_a_wrong_schema_version(client: httpx.Client, version: object) -> None:
    refused(submit(client, "executor", {"schema_version": version, "quantum_program": {}, "options": {}}), "schema_version")


def test_a_body_that_is_too_large(client: httpx.Client) -> None:
    answer = client.post(f"{BASE}/jobs", content=b"x" * 3_000_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("version", [10, 11, 12])
def test_an_old_qpy(client: httpx.Client, version: int) -> None:
    old = bytearray(zlib.decompress(base64.b64decode(written(13))))
    old[6] = version
    refused(submit(client, "sampler", sampler_params(base64.b64encode(zlib.compress(bytes(old))).decode())), "qpy", "13")


@pytest.mark.parametrize(
    "circuit", ["", "####", base64.b64encode(zlib.compress(b"QISKIT")).decode(), base64.b64encode(b"junk").decode()]
)
def test_a_circuit_that_is_none(client: httpx.Client, circuit: str) -> None:
    refused(submit(client, "sampler", sampler_params(circuit)))


def test_a_circuit_of_other_gates_names_gate_and_qubit(client: httpx.Client) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.h(3)
    circuit.measure(3, 0)
    with io.BytesIO() as file:
        qpy.dump(circuit, file, version=17)
        text = base64.b64encode(zlib.compress(file.getvalue())).decode()
    refused(submit(client, "sampler", sampler_params(text)), "h", "3")


def test_one_user_does_not_see_the_jobs_of_another(bridge: Running, client: httpx.Client) -> None:
    job = submit(client, "sampler", sampler_params(written(17))).json()["id"]
    store = Store(bridge.store)
    other = store.tokens.create("bob")
    store.close()
    with httpx.Client(base_url=bridge.url, headers={"Authorization": f"apikey {other}"}, timeout=60) as bob:
        for path in (f"/jobs/{job}", f"/jobs/{job}/results", f"/jobs/{job}/logs", f"/jobs/{job}/metrics"):
            assert bob.get(BASE + path).status_code == 404
        assert bob.post(f"{BASE}/jobs/{job}/cancel").status_code == 404
        assert bob.delete(f"{BASE}/jobs/{job}").status_code == 404
        assert bob.get(f"{BASE}/jobs").json()["jobs"] == []


def test_hostile_frames_at_the_driver(bridge: Running, client: httpx.Client, service: BridgeService) -> None:
    hostile = [
        [b""],
        [b"\x00" * 64],
        [b"\xff" * 100_000],
        [b"\x93" * 5000],
        [b"", b"", b""],
        [b"x"] * 300,
        [b"\x81\xa1k\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"],
    ]
    context = zmq.Context()
    for suffix in ("", ".work"):
        socket = context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDTIMEO, 2000)
        socket.connect(f"ipc://{bridge.folder}/data/emu_five.ipc{suffix}")
        for frames in hostile:
            socket.send_multipart(frames)
        if socket.poll(2000):
            assert b"Traceback" not in b"".join(socket.recv_multipart())
        socket.close(0)
    context.term()
    # and the device works on
    answer = submit(client, "sampler", sampler_params(written(17)))
    assert answer.status_code == 200
    assert len(service.job(answer.json()["id"]).result(timeout=60)) == 1
