"""A job as the API shows it."""

from __future__ import annotations

import json
from typing import Any

from qpu_bridge.errors import RanTooLong
from qpu_bridge.jobs import FINAL, Job
from qpu_bridge.jobs.forecast import Expected
from qpu_bridge.service.moment import to_text


def document(job: Job) -> dict[str, Any]:
    """A job without its parameters."""
    state: dict[str, Any] = {"status": str(job.state)}
    if job.reason is not None:
        state |= {"reason": job.reason, "reason_code": job.reason_code, "reason_solution": job.solution or ""}
    too_long = job.reason_code == RanTooLong.code
    shown: dict[str, Any] = {
        "id": job.id,
        "backend": job.backend,
        "program": {"id": job.program_id},
        "created": to_text(job.created),
        "status": "Cancelled - Ran too long" if too_long else str(job.state),
        "state": state,
        "cost": job.cost,
        "tags": list(job.tags),
        "user_id": job.owner.user,
        "private": job.private,
        "usage": {"seconds": job.usage_s, "quantum_seconds": job.usage_s},
    }
    optional = {
        "session_id": job.session_id,
        "calibration_id": job.calibration_id,
        "estimated_running_time_seconds": job.estimate_s,
        "ended": to_text(job.finished),
    }
    return shown | {name: value for name, value in optional.items() if value is not None}


def receipt(job: Job) -> dict[str, Any]:
    """What the caller is told when a job is accepted."""
    shown: dict[str, Any] = {"id": job.id, "backend": job.backend, "private": job.private}
    optional = {"session_id": job.session_id, "calibration_id": job.calibration_id}
    return shown | {name: value for name, value in optional.items() if value is not None}


def with_params(shown: dict[str, Any], params: bytes) -> bytes:
    """The job as JSON text with its parameters put in unchanged."""
    return json.dumps(shown).encode("utf-8")[:-1] + b', "params": ' + params + b"}"


def expectation(expected: Expected) -> dict[str, Any]:
    """What a job that waits may expect; what is not known is left out."""
    shown = {
        "position_in_queue": expected.position,
        "estimated_start_time": to_text(expected.starts),
        "estimated_completion_time": to_text(expected.ends),
    }
    return {name: value for name, value in shown.items() if value is not None}


def metrics(job: Job) -> dict[str, Any]:
    """When a job ran, how much device time it used, and what asked for it."""
    ended = job.state in FINAL
    shown: dict[str, Any] = {
        "timestamps": {
            "created": to_text(job.created),
            "running": to_text(job.running),
            "finished": to_text(job.finished),
        },
        "usage": {
            "qpu_charge_time_seconds": job.usage_s,
            "status": "complete" if ended else "pending",
        },
        "attempts": job.attempts,
    }
    optional = {
        "caller": job.caller,
        "qiskit_version": job.qiskit_version,
        "circuits_execution_time_ns": round(job.usage_s * 1e9) if ended else None,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}
