"""qpu-bridge: the server side of Qiskit Runtime for a laboratory's own quantum processor."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["BridgeBackend", "BridgeService"]


def __getattr__(name: str) -> Any:
    # users import these from here; drivers and other rooms import the core and must not pay for Qiskit
    if name in __all__:
        return getattr(import_module("qpu_bridge.sdk"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
