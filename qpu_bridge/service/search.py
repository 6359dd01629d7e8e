"""``/v3/resources/search``: which instances there are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from qpu_bridge.jobs import Caller
from qpu_bridge.service.auth import PLAN, comer, crn
from qpu_bridge.service.parts import Parts


def routes(parts: Parts) -> APIRouter:
    """The search route."""
    router = APIRouter()
    who = comer(parts)

    @router.post("/v3/resources/search")
    def search(found: Caller = Depends(who)) -> dict[str, Any]:
        """The instances that the caller's token opens, whatever the query; the first is the one that clients take by default."""
        items = [
            {
                "crn": crn(instance),
                "name": instance,
                "service_plan_unique_id": PLAN,
                # The client passes over items without extensions.
                "doc": {"extensions": {"bridge": {"user": found.user}}},
                "tags": [],
            }
            for instance in found.instances
        ]
        return {"items": items, "limit": max(100, len(items))}

    return router
