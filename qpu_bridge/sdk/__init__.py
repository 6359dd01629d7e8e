"""What a user imports: the service class and the backend. See README.md of this room."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qpu_bridge.sdk.environment import environment

if TYPE_CHECKING:
    from qpu_bridge.sdk.backend import BridgeBackend
    from qpu_bridge.sdk.service import BridgeService

__all__ = ["BridgeBackend", "BridgeService", "environment"]

_HOMES = {"BridgeBackend": "qpu_bridge.sdk.backend", "BridgeService": "qpu_bridge.sdk.service"}


def __getattr__(name: str) -> Any:
    # the client library takes a second to import, and `qpu-bridge env` does not need it
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
