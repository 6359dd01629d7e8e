"""Every limit is published in a device's configuration, and is said when somebody asks for more, before anything is played."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.conftest import Place

CIRCUIT = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; c[0] = measure $0;'


def submit(http: httpx.Client, pubs: list[Any] | None = None, **fields: Any) -> httpx.Response:
    params = {"pubs": pubs or [[CIRCUIT, None, 5]], "version": 2} | fields.pop("params", {})
    return http.post("/jobs", json={"program_id": "sampler", "backend": "loop_five", "params": params} | fields)


@pytest.fixture
def published(user: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = user.get("/backends/loop_five/configuration").raise_for_status().json()
    return found


def refusal(response: httpx.Response, status: int = 400) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["error"]["message"])


def test_all_are_published(published: dict[str, Any]) -> None:
    assert {"max_shots", "max_experiments"} <= published.keys()
    assert published["limits"].keys() == {
        "executions",
        "rows",
        "instructions",
        "circuit_duration",
        "result_memory_bytes",
        "payload_bytes",
        "result_bytes",
        "default_execution_time",
        "max_execution_time",
    }
    assert all(value > 0 for value in published["limits"].values())


def test_shots(user: httpx.Client, published: dict[str, Any]) -> None:
    most = published["max_shots"]
    assert submit(user, [[CIRCUIT, None, min(most, 1000)]]).status_code == 200
    assert f"at most {most} shots" in refusal(submit(user, [[CIRCUIT, None, most + 1]]))


def test_circuits(user: httpx.Client, published: dict[str, Any]) -> None:
    message = refusal(submit(user, [["OPENQASM 3.0;", None, 1]] * (published["max_experiments"] + 1)))
    assert str(published["max_experiments"]) in message


def test_length_of_a_circuit(user: httpx.Client, published: dict[str, Any]) -> None:
    seconds = published["limits"]["circuit_duration"]
    long = CIRCUIT.replace("c[0] =", f"delay[{1e3 * seconds:.3f}ms] $0; c[0] =")
    assert f"at most {seconds:.6g} s" in refusal(submit(user, [[long, None, 5]]))


def test_payload(user: httpx.Client, published: dict[str, Any]) -> None:
    most = published["limits"]["payload_bytes"]
    assert f"at most {most} bytes" in refusal(submit(user, params={"x": "x" * most}), 413)


def test_device_time(user: httpx.Client, published: dict[str, Any]) -> None:
    limits = published["limits"]
    assert f"at most {limits['max_execution_time']} s" in refusal(submit(user, cost=limits["max_execution_time"] + 1))
    for asked, given in ((None, limits["default_execution_time"]), (7, 7), (limits["max_execution_time"],) * 2):
        made = submit(user, cost=asked).raise_for_status().json()["id"]
        assert user.get(f"/jobs/{made}").json()["cost"] == given


def test_memory_of_results(place: Place, user: httpx.Client, published: dict[str, Any]) -> None:
    bits = 5
    text = f'OPENQASM 3.0; include "stdgates.inc"; bit[{bits}] c; ' + "".join(f"c[{i}] = measure ${i};" for i in range(bits))
    shots = published["max_shots"]
    each = 1 + published["limits"]["result_memory_bytes"] // (8 * bits * shots)
    message = refusal(submit(user, [[text, None, shots]] * each, params={"options": {"execution": {"meas_type": "kerneled"}}}))
    assert "at most" in message
