"""Who may submit which program: a calibration changes the numbers that everybody's jobs are played with."""

from __future__ import annotations

from qpu_bridge.errors import NotAllowed, WrongState
from qpu_bridge.jobs import Mode, Owner, Request, Role
from qpu_bridge.jobs.order import CALIBRATE
from qpu_bridge.service.parts import Parts


def require_right(parts: Parts, owner: Owner, asked: Request) -> None:
    """Refuse a job that its owner may not submit; dry runs, which change nothing, are anybody's.

    Raises:
        NotAllowed: If it calibrates, and the rack lets only others do that.
        WrongState: If it calibrates within a batch.
    """
    if asked.program_id != CALIBRATE or asked.backend not in parts.devices:
        return
    mode = _mode(parts, owner, asked)
    if mode is Mode.BATCH:
        raise WrongState(
            "a calibration must not be part of a batch, which keeps to the numbers that it began with",
            given=asked.session_id,
            where="session_id",
            remedy="Open a session.",
        )
    if parts.store.users.user(owner.user).role is Role.ADMINISTRATOR:
        return
    if parts.devices[asked.backend].calibration.by == "administrators":
        raise NotAllowed("a calibration must be an administrator's on this device", given=owner.user, where=asked.backend)
    if mode is not Mode.DEDICATED:
        raise NotAllowed(
            "a calibration must be an administrator's, or part of a session",
            given="a single job",
            where=asked.backend,
            remedy="Open a session: Calibrator(Session(backend)).",
        )


def _mode(parts: Parts, owner: Owner, asked: Request) -> Mode | None:
    """Of the session that it is part of, or opens."""
    if asked.opening is not None:
        return asked.opening.mode
    return None if asked.session_id is None else parts.store.sessions.session(asked.session_id, owner).mode
