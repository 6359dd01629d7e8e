"""``/metrics`` for Prometheus: what the processes counted, and what the store holds at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request, Security
from starlette.responses import Response

from qpu_bridge.jobs import Caller
from qpu_bridge.jobs.census import Census, census
from qpu_bridge.jobs.devices import STALE_S
from qpu_bridge.jobs.states import State
from qpu_bridge.service.aside import Claim
from qpu_bridge.service.auth import SCHEME, overseer
from qpu_bridge.service.parts import Parts
from qpu_bridge.settings import is_loopback
from qpu_bridge.telemetry import metrics

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of a proxy: it may stand on this machine and speak for anybody."""


def routes(parts: Parts, folder: Path) -> APIRouter:
    """The route of metrics, at the root.

    Args:
        parts: For the store and the names of devices.
        folder: Where the processes count.
    """
    router = APIRouter()

    known = overseer(parts)

    async def reader(request: Request, header: str | None = Security(SCHEME)) -> Claim[Caller] | None:
        return None if from_this_machine(request) else await known(request, header)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def page(_: Caller | None = Depends(reader)) -> Response:
        """All numbers, in the text form of Prometheus; for programs of this machine, monitors and administrators."""
        body, kind = metrics.text(folder, [_Gauges(parts)])
        return Response(body, headers={"content-type": kind})

    return router


def from_this_machine(request: Request) -> bool:
    """Whether a program of this machine asks, and not a proxy for somebody else."""
    near = request.client is not None and is_loopback(request.client.host)
    return near and not any(name in request.headers for name in FORWARDED)


class _Gauges:
    """What is read from the store whenever somebody asks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Every gauge with all its values; a device that nobody has used is there with zeros."""
        found = census(self._parts.store.database)
        names = tuple(self._parts.devices)
        device = ("device",)

        def each(values: Iterable[float]) -> Iterable[tuple[tuple[str, ...], float]]:
            return (((name,), value) for name, value in zip(names, values, strict=True))

        states = (((name, state.value), found.jobs.get((name, state), 0)) for name in names for state in State)
        yield metrics.gauge("queue_length", "Jobs that wait or run.", device, each(found.queue(name) for name in names))
        yield metrics.gauge("jobs", "Jobs that the store holds.", ("device", "state"), states)
        yield metrics.gauge("sessions", "Sessions and batches.", ("device", "mode", "state"), found.sessions.items())
        yield metrics.gauge("device_up", "Whether jobs can start.", device, each(_up(found, name) for name in names))
        yield metrics.gauge("device_paused", "Whether people paused it.", device, each(found.paused.get(n, False) for n in names))
        yield metrics.gauge(
            "device_faulted", "Whether its driver cannot work.", device, each(found.faulted.get(n, False) for n in names)
        )
        yield metrics.gauge(
            "heartbeat_age_seconds",
            "Time since the runner was heard.",
            device,
            (((name,), age_s) for name, age_s in found.heard_s.items() if name in names),
        )
        yield metrics.gauge(
            "device_utilisation", "Share of the last hour that was measured.", device, each(found.used.get(n, 0.0) for n in names)
        )


def _up(found: Census, name: str) -> bool:
    return found.heard_s.get(name, STALE_S + 1) <= STALE_S and not found.paused[name] and not found.faulted[name]
