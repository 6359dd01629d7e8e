"""Endpoints: the two lines of a driver, and which addresses never leave the machine."""

from __future__ import annotations

import ipaddress
from re import compile as pattern

from qpu_bridge.errors import SettingsError

WORK_SUFFIX = ".work"
"""Added to the path of a local socket to make the work line's."""
_TCP = pattern(r"tcp://(\[[0-9a-fA-F:.]+\]|[^:/\[\]]+):([0-9]{1,5})")


def lines(endpoint: str) -> tuple[str, str]:
    """The watch line (the endpoint itself) and the work line (the next TCP port, or the path with ``.work``).

    Raises:
        SettingsError: If it is not an ``ipc://``, ``inproc://`` or ``tcp://host:port`` endpoint.
    """
    if endpoint.startswith(("ipc://", "inproc://")) and len(endpoint.partition("://")[2]):
        return endpoint, endpoint + WORK_SUFFIX
    match = _TCP.fullmatch(endpoint)
    if match is None or not 1 <= int(match[2]) <= 65534:
        raise SettingsError(
            "an endpoint must be ipc://PATH, inproc://NAME, or tcp://HOST:PORT with a port from 1 to 65534", given=endpoint
        )
    return endpoint, f"tcp://{match[1]}:{int(match[2]) + 1}"


def is_local(endpoint: str) -> bool:
    """Whether nobody outside this machine can reach the endpoint."""
    match = _TCP.fullmatch(endpoint)
    if match is None:
        return endpoint.startswith(("ipc://", "inproc://"))
    host = match[1].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, an interface or a wildcard: it may lead anywhere
        return False
