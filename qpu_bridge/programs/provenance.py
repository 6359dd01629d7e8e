"""Where a result comes from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from qpu_bridge.programs.context import Context
from qpu_bridge.wire import PROTOCOL


def provenance(context: Context, seed: int) -> dict[str, Any]:
    """What a result names: calibration, versions, seed, and what measured it."""
    capabilities = context.device.capabilities
    found: dict[str, Any] = {
        "device": context.device.name,
        "calibration_id": context.device.snapshot.calibration_id,
        "versions": dict(_versions()),
        "seed": seed,
        "driver": {
            "name": capabilities.driver,
            "version": capabilities.version,
            "simulated": capabilities.simulated,
            "source": capabilities.source,
        },
    }
    if context.execution.notes:
        found["notes"] = list(context.execution.notes)
    if context.execution.resumed:
        found["resumed"] = context.execution.resumed
    book = context.notebook
    found["attempt"] = book.attempt
    if book.attempt > 1 or book.resumed_rows or book.discarded_rows:
        found["rows"] = {"resumed": book.resumed_rows, "measured": book.measured_rows, "discarded": book.discarded_rows}
        found["earlier_device_seconds"] = book.earlier_s
    return found


def versions() -> Mapping[str, str]:
    """Versions of everything that the drawn rows hang on."""
    return _versions()


@cache
def _versions() -> Mapping[str, str]:
    # reading the metadata of a package takes a millisecond
    names = ("qpu-bridge", "qiskit", "qiskit-ibm-runtime", "samplomatic")
    return {name: version(name) for name in names} | {"protocol": str(PROTOCOL)}
