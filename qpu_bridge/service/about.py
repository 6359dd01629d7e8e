"""Which version this is, and whether it is well."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter

from qpu_bridge.service.parts import Parts

API_VERSIONS = ("2025-05-01", "2026-04-15")
"""Values of ``IBM-API-Version`` that clients send; any other is taken too."""


def versions() -> APIRouter:
    """The route of versions, below the runtime base."""
    router = APIRouter()

    @router.get("/versions")
    def known() -> dict[str, Any]:
        """Versions of the API, and of this bridge."""
        return {"versions": list(API_VERSIONS), "bridge": _version()}

    return router


def health(parts: Parts) -> APIRouter:
    """The route of health, at the root; needs no token and tells nothing else."""
    router = APIRouter()

    @router.get("/healthz")
    def well() -> dict[str, str]:
        """Whether the store answers."""
        parts.store.devices.conditions(())
        return {"status": "ok"}

    return router


def _version() -> str:
    try:
        return version("qpu-bridge")
    except PackageNotFoundError:
        return "unknown"
