"""What the bridge says of itself: metrics, health, log lines, traces. One bridge, one job, and nothing secret anywhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from qpu_bridge.telemetry import Stage
from qpu_bridge.telemetry.traces import trace_id
from tests.contract.conftest import RACK, Place, people
from tests.flow.conftest import serving, until

MARK = "nobodysbusiness"
CIRCUIT = f'OPENQASM 3.0; include "stdgates.inc"; bit[1] {MARK}; x $0; {MARK}[0] = measure $0;'
JOB = {"program_id": "sampler", "backend": "loop_five", "params": {"pubs": [[CIRCUIT, None, 5]], "version": 2}}


class Collector(ThreadingHTTPServer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Taker)


class _Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in sent.resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.server.spans += [(named["service.instance.id"], span) for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *ignored: object) -> None: ...


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def place(collector: Collector) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with serving(RACK, "--verbose") as running:
            yield people(running)


@pytest.fixture(scope="module")
def job(place: Place) -> str:
    with place.http(place.user) as http:
        identifier = str(http.post("/jobs", json=JOB).raise_for_status().json()["id"])
        until(lambda: http.get(f"/jobs/{identifier}").json()["state"]["status"] == "Completed")
    return identifier


def metrics(place: Place) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with place.http("", "") as http:
        page = http.get("/metrics").raise_for_status()
    assert page.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(page.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[f"qpu_bridge_{name}", frozenset(labels.items())]


def test_metrics_of_every_stage_and_of_the_device(place: Place, job: str) -> None:
    # a heartbeat may come late on a busy machine, but it comes
    until(lambda: value(metrics(place), "heartbeat_age_seconds", device="loop_five") < 5)
    found = metrics(place)
    for stage in Stage:
        assert value(found, "stage_seconds_count", stage=stage.value) >= 1, stage
    assert value(found, "jobs", device="loop_five", state="Completed") >= 1
    assert value(found, "queue_length", device="loop_five") == 0
    assert value(found, "device_up", device="loop_five") == 1
    assert value(found, "device_seconds_total", device="loop_five") > 0
    assert 0 < value(found, "device_utilisation", device="loop_five") < 1
    assert value(found, "http_answers_total", method="POST", route="/jobs", status="200") >= 1


def test_the_queue_is_seen(place: Place) -> None:
    slow = JOB | {"params": JOB["params"] | {"options": {"experimental": {"device": {"row_seconds": 60}}}}}  # type: ignore[operator]
    with place.http(place.user) as http:
        made = [http.post("/jobs", json=body).raise_for_status().json()["id"] for body in (slow, JOB)]
        until(lambda: value(metrics(place), "jobs", device="loop_five", state="Running") == 1)
        assert value(metrics(place), "queue_length", device="loop_five") == 2
        # the one that waits first, or it would run, and be over soon
        for identifier in reversed(made):
            http.post(f"/jobs/{identifier}/cancel")
        until(lambda: value(metrics(place), "queue_length", device="loop_five") == 0)
    assert value(metrics(place), "jobs", device="loop_five", state="Cancelled") == 2


def test_paths_and_ids_are_no_labels(place: Place, job: str) -> None:
    with place.http(place.user) as http:
        for path in (f"/jobs/{job}", "/jobs/nothing", f"/{MARK}"):
            http.get(path)
        http.request("BREW", "/jobs")
    labels = {label for _, pairs in metrics(place) for _, label in pairs}
    assert not {label for label in labels if job in label or MARK in label or "nothing" in label or "BREW" in label}


@pytest.mark.parametrize(("who", "status"), [("", 401), ("user", 403), ("monitor", 200), ("administrator", 200)])
def test_from_elsewhere_only_people_who_watch_may_read_them(place: Place, who: str, status: int) -> None:
    with place.http(getattr(place, who) if who else "", "") as http:
        # a proxy on this machine speaks for somebody elsewhere
        assert http.get("/metrics", headers={"x-forwarded-for": "203.0.113.7"}).status_code == status


def test_health(place: Place) -> None:
    with place.http("", "") as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        until(lambda: http.get("/readyz").status_code == 200)
        ready = http.get("/readyz")
    assert ready.json() == {"status": "ready", "store": "ok", "devices": {"loop_five": "heard"}}


def test_a_job_is_one_trace_through_all_processes(place: Place, job: str, collector: Collector) -> None:
    def mine() -> dict[str, tuple[str, Any]]:
        return {span.name: (process, span) for process, span in collector.spans if span.trace_id.hex() == trace_id(job)}

    stages = {stage.value for stage in Stage}
    until(lambda: mine().keys() >= {"POST /jobs", "run", *stages})
    spans = mine()
    root, run = spans["POST /jobs"][1], spans["run"][1]
    assert root.parent_span_id == b""
    assert {spans[name][1].parent_span_id for name in ("check", "wait", "run")} == {root.span_id}
    assert {spans[name][1].parent_span_id for name in ("parse", "lower", "device", "answer", "store")} == {run.span_id}
    assert spans["check"][0].startswith("api")
    assert spans["device"][0].startswith("runner-loop_five")
    for name in ("parse", "lower", "device", "answer", "store"):
        assert run.start_time_unix_nano <= spans[name][1].start_time_unix_nano
        assert spans[name][1].end_time_unix_nano <= run.end_time_unix_nano
    assert MARK not in str(collector.spans)


def test_lines_are_objects_and_nothing_secret_is_said(place: Place, job: str) -> None:
    with place.http("", "") as http:
        http.post("/identity/token", data={"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": "qb-wrong-key"})
    log = place.running.log
    # the last one is perhaps being written
    lines = [json.loads(line) for line in log[: log.rindex("\n")].splitlines()]
    assert lines
    assert {"time", "level", "logger", "process", "message", "part"} <= lines[0].keys()
    for secret in (MARK, place.user, place.administrator, "qb-wrong-key"):
        assert secret not in place.running.log
    with httpx.Client(base_url=place.running.url, trust_env=False, timeout=60) as http:
        assert MARK not in http.get("/metrics").text
    began = time.time()
    assert all(line["time"] < f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(began + 60))}" for line in lines)
