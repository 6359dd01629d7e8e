from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from qpu_bridge.telemetry import Stage, about, stage, took, traces

JOB = "3f2a9c"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracer = traces.Traces("test", exporter)
    yield exporter
    tracer.close()


def told(exporter: InMemorySpanExporter) -> dict[str, Any]:
    for tracer in traces._tracers:
        tracer._provider.force_flush()
    return {span.name: span for span in exporter.get_finished_spans()}


def test_one_job_is_one_trace_whoever_writes_it(spans: InMemorySpanExporter) -> None:
    began_ns = time.time_ns()
    traces.submitted(JOB, "POST", "/jobs", began_ns, device="lab_two")
    # another process, which knows the job's id and nothing else
    with about(job=JOB, attempt=1, device="lab_two"), traces.running(JOB, 1, began_ns):
        took(Stage.WAIT, began_ns, 0.5)
        with stage(Stage.LOWER):
            pass
    found = told(spans)
    assert set(found) == {"POST /jobs", "wait", "run", "lower"}
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {traces.trace_id(JOB)}
    root = found["POST /jobs"]
    assert root.parent is None
    assert found["wait"].parent.span_id == found["run"].parent.span_id == root.context.span_id
    assert found["lower"].parent.span_id == found["run"].context.span_id
    assert found["wait"].end_time - found["wait"].start_time == 500_000_000
    assert found["lower"].attributes["qpu_bridge.device"] == "lab_two"


def test_a_second_attempt_is_a_second_run_of_the_same_trace(spans: InMemorySpanExporter) -> None:
    for attempt in (1, 2):
        with about(job=JOB, attempt=attempt), traces.running(JOB, attempt, time.time_ns()):
            pass
    for tracer in traces._tracers:
        tracer._provider.force_flush()
    one, two = spans.get_finished_spans()
    assert one.context is not None
    assert two.context is not None
    assert one.context.trace_id == two.context.trace_id
    assert one.context.span_id != two.context.span_id


def test_what_belongs_to_no_job_has_no_span(spans: InMemorySpanExporter) -> None:
    with stage(Stage.CHECK):
        pass
    assert told(spans) == {}


def test_without_a_place_to_send_them_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in traces.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    assert traces.trace("test") is None
    monkeypatch.setenv(traces.SWITCHES[0], "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert traces.trace("test") is None


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(traces.SWITCHES[0], "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert traces.trace("test") is None
    assert "pip install 'qpu-bridge[opentelemetry]'" in caplog.text
