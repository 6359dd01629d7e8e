"""``/instances``: how much device time the caller has used. The client asks before each job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends

from qpu_bridge.jobs import Owner
from qpu_bridge.service.auth import PLAN, caller, crn
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.parts import Parts

WINDOW = timedelta(days=28)
"""Device time is counted over this rolling window."""


def routes(parts: Parts) -> APIRouter:
    """The routes of instances."""
    router = APIRouter()
    who = caller(parts)

    @router.get("/instances/usage")
    def usage(owner: Owner = Depends(who)) -> dict[str, Any]:
        """Device time used in the last 28 days; there is no limit yet, so none is named."""
        stop = datetime.now(UTC)
        start = stop - WINDOW
        return {
            "instance_id": crn(owner.instance),
            "plan_id": PLAN,
            "usage_period": {"start_time": to_text(start), "end_time": to_text(stop)},
            "usage_consumed_seconds": parts.store.usage_s(owner, start),
            "usage_limit_reached": False,
        }

    @router.get("/instance")
    def instance(owner: Owner = Depends(who)) -> dict[str, Any]:
        """The caller's instance."""
        return {"instance_id": crn(owner.instance), "plan_id": PLAN, "name": owner.instance}

    return router
