"""The listening socket: bound here, or handed over by whoever started this process."""

from __future__ import annotations

import errno
import os
import socket
import time

from qpu_bridge.errors import SettingsError

BACKLOG = 2048
"""Connections that may wait until somebody serves them."""

_FIRST = 3
"""Number of the first socket that is handed over, from sd_listen_fds(3)."""


def listen(host: str, port: int, patience_s: float = 0.0) -> socket.socket:
    """Take an address: from now on connections wait in line instead of being refused.

    Args:
        host: Address.
        port: TCP port; 0 takes a free one.
        patience_s: How long to wait for somebody who is about to let go of it, s.

    Raises:
        SettingsError: If it cannot be had.
    """
    until_s = time.monotonic() + patience_s
    while True:
        try:
            return _bound(host, port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and time.monotonic() < until_s:
                time.sleep(0.05)
                continue
            remedy = "Take another port: --port 0 takes a free one." if taken else ""
            raise SettingsError(
                "the address must be free and ours", given=error.strerror, where=f"{host}:{port}", remedy=remedy
            ) from None


def inherited() -> socket.socket | None:
    """The socket that a service manager holds for us, which then outlives every process of ours; None if there is none.

    Follows the protocol of sd_listen_fds(3): ``LISTEN_PID`` is this process, ``LISTEN_FDS`` counts sockets from descriptor 3.

    Raises:
        SettingsError: If there are several, or it does not listen for TCP.
    """
    mine = os.environ.get("LISTEN_PID") == str(os.getpid())
    count = os.environ.get("LISTEN_FDS", "0")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    if not mine or count == "0":
        return None
    if count != "1":
        raise SettingsError("one socket must be handed over", given=count, where="LISTEN_FDS")
    return adopt(_FIRST)


def adopt(descriptor: int) -> socket.socket:
    """A listening socket by its number in this process.

    Raises:
        SettingsError: If it is anything else.
    """
    try:
        found = socket.socket(fileno=descriptor)
        inet = found.family in (socket.AF_INET, socket.AF_INET6)
        good = inet and found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingsError("a socket must be handed over", given=error.strerror, where=f"descriptor {descriptor}") from None
    if not good:
        found.detach()
        raise SettingsError("the socket handed over must listen for TCP", where=f"descriptor {descriptor}")
    os.set_inheritable(descriptor, False)
    return found


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio switches off Nagle's delay (40 ms for each answer) only on sockets that name it.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(BACKLOG)
    except OSError:
        taken.close()
        raise
    return taken
