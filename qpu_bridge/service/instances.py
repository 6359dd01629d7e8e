"""``/instances``: how much device time the caller has used. The client asks before each job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from qpu_bridge.jobs import Owner
from qpu_bridge.jobs.account import window_start
from qpu_bridge.jobs.job import to_microseconds
from qpu_bridge.service.auth import PLAN, caller, crn
from qpu_bridge.service.moment import to_text
from qpu_bridge.service.parts import Parts


def routes(parts: Parts) -> APIRouter:
    """The routes of instances."""
    router = APIRouter()
    who = caller(parts)

    @router.get("/instances/usage")
    def usage(owner: Owner = Depends(who)) -> JSONResponse:
        """Device time used in the last 28 days, and how much there may be.

        Of the two accounts, the caller's and their instance's, the one that will be used up first.
        """
        stop = parts.store.database.clock()
        mine, everybodys = parts.store.quotas.balances(owner)
        nearest = min(mine, everybodys, key=lambda balance: balance.left_s)
        shown: dict[str, Any] = {
            "instance_id": crn(owner.instance),
            "plan_id": PLAN,
            "usage_period": {"start_time": to_text(window_start(to_microseconds(stop))), "end_time": to_text(stop)},
            "usage_consumed_seconds": nearest.used_s,
            "usage_limit_reached": nearest.left_s <= 0,
        }
        optional = {"usage_limit_seconds": nearest.limit_s, "usage_allocation_seconds": everybodys.limit_s}
        return JSONResponse(shown | {name: value for name, value in optional.items() if value is not None})

    @router.get("/instance")
    def instance(owner: Owner = Depends(who)) -> dict[str, Any]:
        """The caller's instance."""
        return {"instance_id": crn(owner.instance), "plan_id": PLAN, "name": owner.instance}

    return router
