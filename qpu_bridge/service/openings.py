"""The session that is asked for, within what the rack allows."""

from __future__ import annotations

from collections.abc import Mapping

from qpu_bridge.errors import BadRequest
from qpu_bridge.jobs import Mode, Opening
from qpu_bridge.service.body import Member
from qpu_bridge.service.parts import Parts


def opening(
    parts: Parts,
    backend: str,
    mode: Mode,
    *,
    max_ttl: int | None = None,
    active_ttl: int | None = None,
    interactive_ttl: int | None = None,
    request_key: str | None = None,
    digest: bytes = b"",
) -> Opening:
    """A session with what the rack says where its user says nothing; times are s.

    Raises:
        BadRequest: If a time is longer than the rack allows, or than one that must not be shorter.
    """
    limits = parts.store.limits
    longest = {
        "max_ttl": (max_ttl, limits.session_seconds),
        "active_ttl": (active_ttl, limits.session_active_seconds),
        "interactive_ttl": (interactive_ttl, limits.session_longest_idle_seconds),
    }
    for name, (value, most) in longest.items():
        if value is not None and most is not None and value > most:
            raise BadRequest(f"{name} must be at most {most} s", given=value, where=name)
    whole = max_ttl or limits.session_seconds
    active = active_ttl or limits.session_active_seconds
    if active_ttl is not None and active_ttl > whole:
        raise BadRequest("active_ttl must not be longer than max_ttl", given=active_ttl, where="active_ttl")
    if interactive_ttl is not None and interactive_ttl > (active or whole):
        raise BadRequest("interactive_ttl must not be longer than the others", given=interactive_ttl, where="interactive_ttl")
    return Opening(
        backend=backend,
        mode=mode,
        max_ttl=whole,
        active_ttl=active,
        interactive_ttl=interactive_ttl or min(limits.session_idle_seconds, active or whole),
        calibration_id=parts.devices[backend].snapshot.calibration_id,
        request_key=request_key,
        digest=digest,
    )


def seconds(members: Mapping[str, Member], field: str) -> int | None:
    """A time from a body, s; None if it is not there.

    Raises:
        BadRequest: If it is something else.
    """
    value = members[field].value if field in members else None
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadRequest(f"{field} must be a whole number of seconds, 1 or more", given=str(value)[:64], where=field)
    return value
