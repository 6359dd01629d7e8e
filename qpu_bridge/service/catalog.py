"""The catalog: what kind of plan an instance has. It lives at the root, as the client asks for it there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from qpu_bridge.service.auth import PLAN


def routes() -> APIRouter:
    """The catalog route."""
    router = APIRouter()

    @router.get(f"/{PLAN}")
    def plan() -> dict[str, Any]:
        """The one plan; the client sorts instances by ``pricing.type`` and knows only a few words."""
        return {
            "id": PLAN,
            "overview_ui": {"en": {"display_name": "On-Prem"}},
            "metadata": {"pricing": {"type": "free"}},
        }

    return router
