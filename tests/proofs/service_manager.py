"""What a service manager does for a bridge, and a bridge that is looked after so."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qpu_bridge import BridgeService
from qpu_bridge.cli.rack import open_store, read_rack
from qpu_bridge.jobs import Store
from qpu_bridge.service.listener import listen

DEVICES = {"emu_five": "emulator", "loop_five": "loopback"}


class Manager:
    """What a service manager does: it holds the socket, and starts the bridge again when it has died."""

    def __init__(self, folder: Path, rack: Path) -> None:
        self._socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._folder, self._rack = folder, rack
        self._stop = threading.Event()
        self.process = self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        hand = (
            f"import os, sys; os.dup2({self._socket.fileno()}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))"
        )
        program = f"{hand}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        serve = ["-m", "qpu_bridge.cli", "serve", "--rack", str(self._rack), "--with-parent"]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", program, *serve],
                stdin=subprocess.PIPE,
                stderr=log,
                pass_fds=[self._socket.fileno()],
                start_new_session=True,
            )

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.process.wait()
            if self._stop.is_set():
                return
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process = self._start()

    def close(self) -> None:
        self._stop.set()
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._thread.join()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self._socket.close()


def processes(root: int) -> dict[int, str]:
    """Process ids and command lines of a process and all of its descendants."""
    listing = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    found, wanted = {root: "serve"}, [root]
    while wanted:
        parent = wanted.pop()
        for pid, its_parent, *rest in rows:
            if int(its_parent) == parent:
                found[int(pid)] = " ".join(rest)
                wanted.append(int(pid))
    return found


@contextmanager
def bridge(database: str | None = None) -> Iterator[tuple[Manager, Store, BridgeService, Path]]:
    """A bridge with its service manager, its store and a client."""
    with tempfile.TemporaryDirectory(prefix="qb-") as room:
        folder = Path(room)
        rack = folder / "rack.toml"
        where = f'database = "{database}"\n' if database else ""
        devices = "".join(f'[devices.{name}]\ndriver = "{driver}"\n' for name, driver in DEVICES.items())
        rack.write_text(f'[bridge]\nport = 0\ndata_dir = "data"\n{where}{devices}')
        store = open_store(read_rack(rack))
        token = store.tokens.create("ada")
        manager = Manager(folder, rack)
        try:
            yield manager, store, BridgeService(manager.url, token), folder
        finally:
            manager.close()
            store.close()
