"""The program ``noise-learner``, old and new: the noise of layers as its result."""

from __future__ import annotations

from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.noise_learner import legacy_job, v3_job
from qpu_bridge.programs.payload import parse


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    program = v3_job if _is_v3(params_json) else legacy_job
    return float(program.check(params_json, device))


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    program = v3_job if _is_v3(params_json) else legacy_job
    return str(program.run(params_json, context))


def _is_v3(params_json: str) -> bool:
    # the client knows results apart by the same word
    return "schema_version" in parse(params_json)
