"""The HTTP face of the bridge. See README.md of this room."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qpu_bridge.service.app import create_app
    from qpu_bridge.service.auth import PLAN, crn
    from qpu_bridge.service.secret import read_secret
    from qpu_bridge.service.server import Server, serve

__all__ = ["PLAN", "Server", "create_app", "crn", "read_secret", "serve"]

_HOMES = {"PLAN": "auth", "Server": "server", "create_app": "app", "crn": "auth", "read_secret": "secret", "serve": "server"}


def __getattr__(name: str) -> Any:
    # who only holds the socket must not pay for the web framework
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
