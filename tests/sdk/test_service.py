from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError, IBMRuntimeError

from qpu_bridge import BridgeService
from qpu_bridge.sdk.address import root_of


@pytest.fixture
def service(bridge: Any) -> BridgeService:
    return BridgeService(bridge.url, bridge.token)


@pytest.mark.parametrize(
    "url",
    [
        "http://lab:8080",
        "http://lab:8080/",
        "lab:8080",
        "http://lab:8080/api/v1",
        "http://lab:8080/api/v1/",
        "http://lab:8080/experimental/api/v1",
    ],
)
def test_addresses(url: str) -> None:
    assert root_of(url) == "http://lab:8080"


def test_an_address_below_a_path() -> None:
    assert root_of("https://lab.example/qpu/api/v1") == "https://lab.example/qpu"


@pytest.mark.parametrize("url", ["", "ftp://lab", "http://"])
def test_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        root_of(url)


def test_it_is_a_runtime_service(service: BridgeService) -> None:
    assert isinstance(service, QiskitRuntimeService)
    backend = service.backend("lab_three")
    assert backend.service is service
    assert backend.num_qubits == 3
    assert backend.target["sx"][(0,)].duration == pytest.approx(32e-9)
    assert [b.name for b in service.backends()] == ["lab_three"]
    assert service.usage()["usage_limit_reached"] is False
    assert service.active_instance() in [i["crn"] for i in service.instances()]


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")
def test_primitives_submit_to_it(service: BridgeService) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    job = SamplerV2(mode=service.backend("lab_three")).run([circuit], shots=10)
    assert service.job(job.job_id()).job_id() == job.job_id()
    assert job.job_id() in [j.job_id() for j in service.jobs()]
    assert job.result()[0].data.c.num_shots == 10


def test_it_reads_and_writes_no_environment(bridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL", "QISKIT_IBM_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "somebody else's")
    before = dict(os.environ)
    service = BridgeService(bridge.url, bridge.token)
    assert service.backend("lab_three").status().operational is not None
    assert dict(os.environ) == before


def test_it_speaks_to_nobody_but_the_bridge(bridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[tuple[str, int]] = set()
    plain = socket.getaddrinfo

    def listen(host: str, port: int, *rest: Any, **more: Any) -> Any:
        asked.add((host, port))
        return plain(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", listen)
    service = BridgeService(bridge.url, bridge.token)
    service.backend("lab_three").refresh()
    assert {host for host, _ in asked} == {"127.0.0.1"}


def test_two_services_live_side_by_side(bridge: Any) -> None:
    other = bridge.store.tokens.create("grace", "physics")
    one = BridgeService(bridge.url, bridge.token)
    two = BridgeService(bridge.url, other, instance="physics")
    assert one.active_instance() != two.active_instance()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda s=s: found.extend(b.name for b in s.backends()))
        for s in (one, two)  # type: ignore[misc]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["lab_three"] * 2


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long somebody has slept, s: the client does between two attempts."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("token", ["", "wrong", "qb-aaaa-bbbb"])
def test_a_wrong_token_is_told_at_once(bridge: Any, token: str, naps: list[float]) -> None:
    for _ in range(2):
        with pytest.raises(Exception, match=r"does not know this token|Invalid `token`") as caught:
            BridgeService(bridge.url, token)
        assert not token or isinstance(caught.value, IBMNotAuthorizedError)
    assert naps == []


def test_a_bridge_that_is_not_there_is_told_at_once(naps: list[float]) -> None:
    # bound, so that it is nobody else's, and deaf
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(IBMRuntimeError, match="No bridge answers"):
            BridgeService(f"http://127.0.0.1:{taken.getsockname()[1]}", "qb-a-b")
    assert naps == []
