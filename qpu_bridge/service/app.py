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
        lost=store.repeats.unanswered() | store.sessions.repeats.unanswered(),
        checks=Turns(checks),
    )
    # The interactive pages would load scripts from a public network.
    app = FastAPI(title="qpu-bridge", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Gate, max_body_bytes=limits.body_bytes, bases=BASES, metrics=counted)
    errors.install(app)
    lay = parts.aside.lay
    lay(app, identity.routes(parts))
    lay(app, search.routes(parts))
    lay(app, catalog.routes())
    lay(app, about.health(parts))
    if counted is not None:
        lay(app, metrics.routes(parts, counted.folder))
    for base in BASES:
        for part in _runtime(parts):
            lay(app, part, base, shown=base == BASES[0])
    # last: a router within the application is searched for every request that nothing before it answers
    app.include_router(admin.routes(parts), prefix=BASES[0])
    openapi.publish(app, BASES[0])
    return app


def _runtime(parts: Parts) -> tuple[APIRouter, ...]:
    return (
        backends.routes(parts),
        jobs.routes(parts),
        interim.routes(parts),
        sessions.routes(parts),
        workloads.routes(parts),
        instances.routes(parts),
        about.versions(),
    )
