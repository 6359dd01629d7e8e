"""``/admin/devices``: pause and resume."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from qpu_bridge.errors import NotFound
from qpu_bridge.jobs import Caller, Word
from qpu_bridge.service.admin.form import Body, Reason, Shown
from qpu_bridge.service.auth import overseer
from qpu_bridge.service.parts import Parts


class Why(Body):
    """Why a device is paused, in words that its users see."""

    reason: Reason = ""


class DeviceShown(Shown):
    """How a device is."""

    name: str
    state: Word
    reason: str
    queue_length: int
    wait_seconds: float


class Devices(Shown):
    """All devices."""

    devices: list[DeviceShown]


def routes(parts: Parts) -> APIRouter:
    """The routes of devices."""
    router = APIRouter()
    who = overseer(parts)
    devices = parts.store.devices

    def shown(name: str) -> DeviceShown:
        found = devices.condition(name)
        return DeviceShown(
            name=name, state=found.word, reason=found.reason, queue_length=found.queue, wait_seconds=devices.wait_s(name)
        )

    def known(name: str) -> str:
        if name not in parts.devices:
            raise NotFound("the device must exist", given=name[:64], remedy=f"Available: {', '.join(parts.devices)}.")
        return name

    @router.get("/devices")
    def listing(caller: Caller = Depends(who)) -> Devices:
        """All devices, and how long a new job would wait."""
        return Devices(devices=[shown(name) for name in parts.devices])

    @router.post("/devices/{name}/pause")
    def pause(name: str, body: Why, caller: Caller = Depends(who)) -> DeviceShown:
        """Start no more jobs on a device; the one that runs goes on, and new ones wait."""
        devices.pause(known(name), body.reason, actor=caller.user)
        return shown(name)

    @router.post("/devices/{name}/resume")
    def resume(name: str, caller: Caller = Depends(who)) -> DeviceShown:
        """Start jobs again."""
        devices.resume(known(name), actor=caller.user)
        return shown(name)

    return router
