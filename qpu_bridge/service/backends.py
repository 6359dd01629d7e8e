"""``/backends``: which devices there are, what they can do, and how they are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from qpu_bridge.errors import NotFound
from qpu_bridge.jobs import Condition, Owner, Word
from qpu_bridge.service.auth import caller
from qpu_bridge.service.moment import to_moment
from qpu_bridge.service.parts import Device, Parts
from qpu_bridge.settings import dry_run_names


def routes(parts: Parts) -> APIRouter:
    """The routes of devices."""
    router = APIRouter()
    who = caller(parts)

    @router.get("/backends")
    def backends(include_mocks: bool = False, owner: Owner = Depends(who)) -> JSONResponse:
        """All devices; their dry-run siblings only if asked for."""
        conditions = parts.store.devices.conditions(tuple(parts.devices))
        devices = [_device(name, device, conditions[name], "real") for name, device in parts.devices.items()]
        if include_mocks:
            dry = mocks(parts)
            conditions = parts.store.devices.conditions(tuple(dry))
            devices += [_device(name, device, conditions[name], "mock") for name, device in dry.items()]
        return JSONResponse({"devices": devices})

    @router.get("/backends/{name}/configuration")
    def configuration(name: str, calibration_id: str | None = None, owner: Owner = Depends(who)) -> JSONResponse:
        """What a device can do."""
        device = find(parts, name, calibration_id)
        found = parts.configuration(device.snapshot, device.capabilities)
        return JSONResponse({**found, "backend_name": name, "limits": {**found["limits"], **parts.limits.published()}})

    @router.get("/backends/{name}/properties")
    def properties(
        name: str, calibration_id: str | None = None, updated_before: str | None = None, owner: Owner = Depends(who)
    ) -> JSONResponse:
        """Its calibrated numbers, now or as they were at a moment; nothing if that is before all that is known."""
        device = find(parts, name, calibration_id)
        then = device if updated_before is None else device.before(to_moment(updated_before, "updated_before"))
        return JSONResponse({} if then is None else {**parts.properties(then.snapshot), "backend_name": name})

    @router.get("/backends/{name}/status")
    def status(name: str, owner: Owner = Depends(who)) -> JSONResponse:
        """How a device is."""
        device = find(parts, name, None)
        condition = parts.store.devices.condition(name)
        # A paused device still takes jobs into its queue: operational, and the client warns its user with these words,
        # the only ones of this answer that it shows.
        words = {Word.ONLINE: "active", Word.PAUSED: "paused", Word.OFFLINE: "offline"}
        said = f"{words[condition.word]}: {condition.reason}" if condition.reason else words[condition.word]
        shown = {
            "state": condition.word is not Word.OFFLINE,
            "status": said,
            "message": condition.reason,
            "length_queue": condition.queue,
            "estimated_wait_seconds": parts.store.devices.wait_s(name) if name in parts.devices else 0.0,
            "backend_version": device.capabilities.version,
        }
        return JSONResponse(shown)

    return router


def mocks(parts: Parts) -> dict[str, Device]:
    """The dry-run siblings by name."""
    return {mock: parts.devices[name] for mock, name in dry_run_names(parts.devices).items()}


def find(parts: Parts, name: str, calibration_id: str | None) -> Device:
    """A device or a dry-run sibling, at a calibration.

    Raises:
        NotFound: If there is none.
    """
    device = parts.devices.get(name) or mocks(parts).get(name)
    if device is None:
        names = ", ".join(parts.devices)
        raise NotFound("the backend must exist", given=name, where="backend", remedy=f"Available: {names}.")
    return device.at(calibration_id) if calibration_id else device


def _device(name: str, device: Device, condition: Condition, kind: str) -> dict[str, Any]:
    status = {"name": str(condition.word)}
    if condition.reason:
        status["reason"] = condition.reason
    return {
        "name": name,
        "status": status,
        "queue_length": condition.queue,
        "qubits": len(device.snapshot.qubits),
        "class": kind,
    }
