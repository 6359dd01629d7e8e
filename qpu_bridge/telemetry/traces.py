"""OpenTelemetry: one trace per job, written by all processes that have to do with it.

All ids are derived from the job's id, so that processes which meet in the job store alone write into one trace::

    POST /jobs                    the service; also found by whoever knows the job's id
      check                       the service
      wait                        the runner
      run                         the runner, once per attempt
        parse, lower, device, answer, store
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qpu_bridge.telemetry.facts import facts
from qpu_bridge.telemetry.stage import Stage, forget, tell

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import SpanContext

SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""The standard's own variables: with neither of them set, nothing is traced and nothing imported."""

logger = logging.getLogger(__name__)

_tracers: list[Traces] = []


def trace_id(job_id: str) -> str:
    """The trace of a job, 32 hexadecimal digits."""
    return hashlib.sha256(job_id.encode()).hexdigest()[:32]


def wanted() -> bool:
    """Whether somebody says where spans should go."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(os.environ.get(name) for name in SWITCHES)


def trace(service: str) -> Traces | None:
    """Trace in this process if the environment says where spans go; a missing package is said once and costs nothing else."""
    if not wanted():
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        logger.warning("spans are asked for (%s), but must stay untold: pip install 'qpu-bridge[opentelemetry]'", SWITCHES[0])
        return None
    return Traces(service, OTLPSpanExporter())


@contextmanager
def running(job_id: str, attempt: int, began_ns: int) -> Iterator[None]:
    """The span of one run of a job; what is measured inside belongs to it."""
    try:
        yield
    finally:
        for tracer in _tracers:
            tracer.ran(job_id, attempt, began_ns)


def submitted(job_id: str, method: str, route: str, began_ns: int, **attributes: str) -> None:
    """The span of the request that made a job: the root of its trace."""
    for tracer in _tracers:
        tracer.root(job_id, f"{method} {route}", began_ns, attributes)


class Traces:
    """The spans of one process.

    Args:
        service: Name of this process: api, or runner of a device.
        exporter: Where spans go.
    """

    def __init__(self, service: str, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._ids = _ids()
        name = os.environ.get("OTEL_SERVICE_NAME", "qpu-bridge")
        resource = Resource.create({"service.name": name, "service.instance.id": f"{service}-{os.getpid()}"})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("qpu_bridge")
        tell(self)
        _tracers.append(self)

    def took(self, stage: Stage, began_ns: int, seconds: float) -> None:
        """See `Watcher`; a stage outside of any job has no span."""
        known = facts()
        if "job" in known:
            parent = _context(str(known["job"]), int(known.get("attempt", 0)) if stage is not Stage.WAIT else 0)
            self._span(stage.value, parent, began_ns, began_ns + int(seconds * 1e9), dict(known))

    def played(self, device: str, seconds: float) -> None:
        """See `Watcher`; the stages say it."""

    def ran(self, job_id: str, attempt: int, began_ns: int) -> None:
        """One run of a job is over."""
        self._ids.next_span = _context(job_id, attempt).span_id
        self._span("run", _context(job_id, 0), began_ns, time.time_ns(), dict(facts()))

    def root(self, job_id: str, name: str, began_ns: int, attributes: dict[str, str]) -> None:
        """A request that made a job was answered."""
        context = _context(job_id, 0)
        self._ids.next_trace, self._ids.next_span = context.trace_id, context.span_id
        self._span(name, None, began_ns, time.time_ns(), {"job": job_id, **attributes})

    def close(self) -> None:
        """Send what is left."""
        _tracers.remove(self)
        forget(self)
        self._provider.shutdown()

    def _span(self, name: str, parent: SpanContext | None, began_ns: int, ended_ns: int, attributes: dict[str, Any]) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context

        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        named = {f"qpu_bridge.{key}": value for key, value in attributes.items()}
        span = self._tracer.start_span(name, context=context, start_time=began_ns, attributes=named)
        span.end(end_time=max(began_ns, ended_ns))


def _context(job_id: str, attempt: int) -> SpanContext:
    """Of a job's root (attempt 0), or of one of its runs."""
    from opentelemetry.trace import SpanContext, TraceFlags

    span = hashlib.sha256(f"{job_id}/{attempt}".encode()).hexdigest()[32:48]
    return SpanContext(int(trace_id(job_id), 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _ids() -> Any:
    """An id generator that can be told the next ids; used by one thread at a time for those."""
    import threading

    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Told(threading.local, RandomIdGenerator):  # type: ignore[misc]
        next_trace: int | None = None
        next_span: int | None = None

        def generate_trace_id(self) -> int:
            told, self.next_trace = self.next_trace, None
            return told if told is not None else super().generate_trace_id()

        def generate_span_id(self) -> int:
            told, self.next_span = self.next_span, None
            return told if told is not None else super().generate_span_id()

    return Told()
