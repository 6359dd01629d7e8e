"""The application: every route in one list."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, FastAPI

from qpu_bridge import target
from qpu_bridge.jobs import Store
from qpu_bridge.service import (
    about,
    admin,
    backends,
    catalog,
    errors,
    identity,
    instances,
    interim,
    jobs,
    metrics,
    openapi,
    search,
    sessions,
    workloads,
)
from qpu_bridge.service.gate import Gate
from qpu_bridge.service.limits import JobLimits
from qpu_bridge.service.parts import Check, Device, Parts
from qpu_bridge.service.secret import Signer
from qpu_bridge.service.turns import Turns
from qpu_bridge.telemetry.metrics import Metrics

BASES = ("/api/v1", "/experimental/api/v1")
"""The client leaves a URL alone only if it contains the word ``experimental``; people prefer the other."""


def create_app(
    store: Store,
    devices: Mapping[str, Device],
    check: Check,
    *,
    secret: bytes,
    limits: JobLimits = JobLimits(),
    checks: int = 4,
    counted: Metrics | None = None,
) -> FastAPI:
    """The bridge's HTTP face.

    Args:
        store: Where jobs and tokens are.
        devices: Devices by name.
        check: ``check(program_id, params_text, device)`` raises `errors.CallerError` if the program cannot run.
        secret: What access tokens are signed with, 32 bytes (`read_secret`).
        limits: What a job may ask for.
        checks: How many checks may run at once; with two or more, never all of them for one owner.
        counted: Where answers are counted, and what ``/metrics`` shows; None for neither.
    """
    parts = Parts(
        store=store,
        devices=dict(devices),
        check=check,
        signer=Signer(secret),
        limits=limits,
        configuration=target.configuration,
        properties=target.properties,
        lost=store.unanswered(),
        lost_sessions=store.sessions.unanswered(),
        checks=Turns(checks),
    )
    # The interactive pages would load scripts from a public network.
    app = FastAPI(title="qpu-bridge", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Gate, max_body_bytes=limits.body_bytes, metrics=counted)
    errors.install(app)
    app.include_router(identity.routes(parts))
    app.include_router(search.routes(parts))
    app.include_router(catalog.routes())
    app.include_router(about.health(parts))
    if counted is not None:
        app.include_router(metrics.routes(parts, counted.folder))
    app.include_router(admin.routes(parts), prefix=BASES[0])
    for base in BASES:
        app.include_router(_runtime(parts), prefix=base, include_in_schema=base == BASES[0])
    openapi.publish(app, BASES[0])
    return app


def _runtime(parts: Parts) -> APIRouter:
    router = APIRouter()
    for part in (
        backends.routes(parts),
        jobs.routes(parts),
        interim.routes(parts),
        sessions.routes(parts),
        workloads.routes(parts),
        instances.routes(parts),
        about.versions(),
    ):
        router.include_router(part)
    return router
