"""The socket: bound here, or handed over."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.service.listener import adopt, inherited, listen
from tests.ports import neighbours

HANDED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid() if sys.argv[1] == "mine" else os.getppid())
from qpu_bridge.service.listener import inherited
found = inherited()
print(None if found is None else found.getsockname()[1], "LISTEN_FDS" in os.environ)
"""


def handed(door: socket.socket, whose: str, count: str = "1") -> subprocess.CompletedProcess[str]:
    """A process that finds the socket at descriptor 3, as a service manager gives it."""
    program = f"import os, sys; os.dup2({door.fileno()}, 3); os.execv(sys.executable, [sys.executable, '-c', *sys.argv[1:]])"
    return subprocess.run(
        [sys.executable, "-c", program, HANDED, whose],
        env=os.environ | {"LISTEN_FDS": count},
        pass_fds=[door.fileno()],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_service_managers_socket_is_taken_over() -> None:
    with listen("127.0.0.1", 0) as door:
        port = door.getsockname()[1]
        assert handed(door, "mine").stdout.split() == [str(port), "False"]
        assert handed(door, "another's").stdout.split() == ["None", "False"]
        assert "one socket must be handed over; got 2" in handed(door, "mine", "2").stderr


def test_without_a_service_manager_there_is_none() -> None:
    assert inherited() is None


@pytest.mark.parametrize("what", ["pipe", "unix", "unbound"])
def test_what_does_not_listen_for_tcp_is_refused(what: str) -> None:
    kind = socket.AF_UNIX if what == "unix" else socket.AF_INET
    with (
        socket.socket(kind, socket.SOCK_STREAM) as wrong,
        open(os.devnull) as file,
        pytest.raises(SettingsError, match="must"),
    ):
        adopt(os.dup(file.fileno() if what == "pipe" else wrong.fileno()))


def test_an_address_that_is_about_to_be_free_is_waited_for() -> None:
    port = neighbours()
    old = listen("127.0.0.1", port)
    threading.Timer(0.2, old.close).start()
    with listen("127.0.0.1", port, patience_s=30) as door:
        assert door.getsockname()[1] == port
