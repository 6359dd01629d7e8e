"""``/admin/maintenance``: when people work on a device."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import Caller, Window
from qpu_bridge.service.admin.form import Body, Moment, Reason, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.moment import to_moment, to_text
from qpu_bridge.service.parts import Parts


class NewWindow(Body):
    """A time in which no job may be in the way."""

    device: str
    starts: Moment
    stops: Moment
    reason: Reason = ""


class WindowShown(Shown):
    """A maintenance window."""

    number: int
    device: str
    starts: Moment
    stops: Moment
    reason: str


class Windows(Shown):
    """Windows that have not ended, the earliest first."""

    windows: list[WindowShown]


def routes(parts: Parts) -> APIRouter:
    """The routes of maintenance."""
    router = APIRouter()
    who = overseer(parts)
    maintenance = parts.store.maintenance

    @router.get("/maintenance")
    def listing(device: str | None = None, caller: Caller = Depends(who)) -> Windows:
        """What is planned, for one device or for all."""
        return Windows(windows=[_shown(window) for window in maintenance.windows(device)])

    @router.post("/maintenance")
    def plan(body: NewWindow, caller: Caller = Depends(who)) -> WindowShown:
        """Plan a window. Jobs that would not end before it do not start; those that run when it begins are not stopped."""
        if body.device not in parts.devices:
            available = ", ".join(parts.devices)
            raise BadRequest("the device must exist", given=body.device[:64], where="device", remedy=f"Available: {available}.")
        starts, stops = to_moment(body.starts, "starts"), to_moment(body.stops, "stops")
        return _shown(maintenance.plan(body.device, starts, stops, body.reason, actor=caller.user))

    @router.delete("/maintenance/{number}", status_code=204)
    def remove(number: int, caller: Caller = Depends(who)) -> Response:
        """End a window, or strike it before it begins."""
        maintenance.remove(number, actor=caller.user)
        return Response(status_code=204)

    return router


def _shown(window: Window) -> WindowShown:
    return WindowShown(
        number=window.number,
        device=window.device,
        starts=str(to_text(window.starts)),
        stops=str(to_text(window.stops)),
        reason=window.reason,
    )
