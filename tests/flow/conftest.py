"""A bridge in real processes: HTTP face, runners and drivers, as ``qpu-bridge serve`` starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Store

EMULATED = """
[bridge]
port = 0
data_dir = "data"

[devices.emu_five]
driver = "emulator"
"""

WITH_LOOPBACK = f"""{EMULATED}
[devices.loop_five]
driver = "loopback"
"""

SMALL_BODIES = WITH_LOOPBACK.replace("[bridge]", "[bridge]\nmax_body_bytes = 2000000")


@dataclass
class Running:
    """A bridge that runs."""

    folder: Path
    process: subprocess.Popen[bytes]
    url: str
    token: str

    @property
    def store(self) -> Path:
        return self.folder / "data" / "jobs.sqlite"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def program(self, text: str, *arguments: str) -> str:
        """Run a user's program through ``qpu-bridge run``; only its environment says where the bridge is."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "QPU_BRIDGE_"))}
        command = [sys.executable, "-m", "qpu_bridge.cli", "run", "--url", self.url, "--", sys.executable, "-c", text, *arguments]
        environment = bare | {"QPU_BRIDGE_TOKEN": self.token, "HOME": str(self.folder)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "this should have happened by now"
        time.sleep(0.02)


def children(pid: int) -> list[tuple[int, str]]:
    """Process ids and command lines of all descendants."""
    found = []
    listing = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    wanted = [pid]
    while wanted:
        parent = wanted.pop()
        for child, its_parent, *rest in rows:
            if int(its_parent) == parent:
                found.append((int(child), " ".join(rest)))
                wanted.append(int(child))
    return found


@contextmanager
def serving(rack: str, *flags: str) -> Iterator[Running]:
    # a short path: that of a local socket has 107 bytes
    with tempfile.TemporaryDirectory(prefix="qb-") as room:
        folder = Path(room)
        (folder / "rack.toml").write_text(rack)
        address = folder / "data" / "address"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "qpu_bridge.cli", "serve", "--rack", str(folder / "rack.toml"), "--with-parent", *flags],
                stdin=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(lambda: address.exists() or process.poll() is not None, 400)
            assert process.poll() is None, (folder / "log").read_text()
            store = Store(folder / "data" / "jobs.sqlite")
            token = store.tokens.create("ada")
            store.close()
            yield Running(folder, process, address.read_text().strip(), token)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                process.kill()
                process.wait()
                assert process.stdin is not None
                process.stdin.close()


@pytest.fixture(scope="session")
def greeted() -> Iterator[tuple[Running, list[str]]]:
    """A bridge, and the devices that it had as soon as it greeted."""
    with serving(SMALL_BODIES) as running:
        service = BridgeService(running.url, running.token)
        yield running, sorted(backend.name for backend in service.backends(operational=True))


@pytest.fixture(scope="session")
def bridge(greeted: tuple[Running, list[str]]) -> Running:
    return greeted[0]


@pytest.fixture(scope="session")
def service(bridge: Running) -> BridgeService:
    return BridgeService(bridge.url, bridge.token)
