"""Which version this is, and whether it is well."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from qpu_bridge.errors import StoreFault
from qpu_bridge.jobs.census import census, require_writable
from qpu_bridge.jobs.devices import STALE_S
from qpu_bridge.service.parts import Parts

API_VERSIONS = ("2025-05-01", "2026-04-15")
"""Values of ``IBM-API-Version`` that clients send; any other is taken too."""


class Versions(BaseModel):
    """Versions of the API that clients may name, and of this bridge."""

    versions: list[str]
    bridge: str


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether jobs are taken and run.

    Attributes:
        status: The answer.
        store: Whether the job store can be written.
        devices: By name: whether the runner was heard in the last seconds.
    """

    status: Literal["ready", "not ready"]
    store: Literal["ok", "failed"]
    devices: dict[str, Literal["heard", "silent"]]


def versions() -> APIRouter:
    """The route of versions, below the runtime base."""
    router = APIRouter()

    @router.get("/versions")
    def known() -> Versions:
        """Versions of the API, and of this bridge."""
        return Versions(versions=list(API_VERSIONS), bridge=_version())

    return router


def health(parts: Parts) -> APIRouter:
    """The routes of health, at the root; they need no token and tell nothing else."""
    router = APIRouter()

    @router.get("/healthz")
    def well() -> Alive:
        """Whether this process answers."""
        return Alive()

    @router.get("/readyz", responses={200: {"model": Readiness}, 503: {"model": Readiness}})
    def ready() -> Response:
        """Whether the store can be written and a runner works; 503 if not."""
        found = readiness(parts)
        return JSONResponse(found.model_dump(), 200 if found.status == "ready" else 503)

    return router


def readiness(parts: Parts) -> Readiness:
    """Whether jobs are taken and run at this moment."""
    try:
        require_writable(parts.store.database)
        heard_s = census(parts.store.database).heard_s
    except StoreFault:
        return Readiness(status="not ready", store="failed", devices=dict.fromkeys(parts.devices, "silent"))
    heard: dict[str, Any] = {name: "heard" if heard_s.get(name, STALE_S + 1) <= STALE_S else "silent" for name in parts.devices}
    return Readiness(status="ready" if "heard" in heard.values() else "not ready", store="ok", devices=heard)


def _version() -> str:
    try:
        return version("qpu-bridge")
    except PackageNotFoundError:
        return "unknown"
