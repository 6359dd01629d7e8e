"""Programs: what a job does. See README.md of this room."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qpu_bridge.programs.device import DeviceView

if TYPE_CHECKING:
    from qpu_bridge.programs.catalog import PROGRAMS
    from qpu_bridge.programs.context import Context
    from qpu_bridge.programs.executor import execute
    from qpu_bridge.programs.options import ExecuteOptions

__all__ = ["PROGRAMS", "Context", "DeviceView", "ExecuteOptions", "check", "execute", "run"]

_HOMES = {"PROGRAMS": "catalog", "Context": "context", "ExecuteOptions": "options", "execute": "executor"}


def __getattr__(name: str) -> Any:
    # the bridge itself needs the view of a device only, and must not pay for Qiskit
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def check(program_id: str, params_json: str, device: DeviceView) -> float | None:
    """Refuse, at submission, a job that could not run.

    Args:
        program_id: What the client calls the program.
        params_json: The parameters as received.
        device: Where it would run.

    Returns:
        How long it would keep the device, from the lengths of its gates, s; None if that is not known.

    Raises:
        CallerError: With a stable code and the reason.
    """
    from qpu_bridge.programs.catalog import find

    return find(program_id).check(params_json, device)


def run(program_id: str, params_json: str, context: Context) -> str:
    """Run a job.

    Args:
        program_id: What the client calls the program.
        params_json: The parameters as received.
        context: The device, the job's log, and whether to stop.

    Returns:
        The result as the client's decoder for this program reads it.

    Raises:
        CallerError: If the job cannot run.
        Cancelled: If it was cancelled.
        OperatorError: If the device failed.
    """
    from qpu_bridge.programs.catalog import find

    return find(program_id).run(params_json, context)
