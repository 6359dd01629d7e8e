"""A process of ours: started, watched, started again when it dies, and gone when we go."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import FrameType

from qpu_bridge.errors import UNUSABLE

logger = logging.getLogger(__name__)

CLOSE_S = 10.0
"""How long a process may take to leave in good order, s."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Waits before a process that died young is started again, s: doubled each time, from the first to the longest."""


def command(*arguments: str) -> list[str]:
    """The command line of another process of this program, in this very Python."""
    return [sys.executable, "-m", "qpu_bridge.cli", *arguments]


class Child:
    """A process that is started again whenever it dies, until `stop`; one whose settings are wrong is not.

    One that lived for a while is started again at once; one that dies young is given longer and longer pauses.

    Args:
        name: For people.
        arguments: Its command line. The process must call `leave_with_parent`.
        descriptors: Open files that it is given beside the standard ones.
        grown_up_s: Who lived for so long, and twice as long as the last pause, has not died of its start, s.

    Attributes:
        unusable: Whether it ended its first life with `UNUSABLE`, and so is not started again.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, descriptors: Sequence[int] = (), grown_up_s: float = 2.0) -> None:
        self.name = name
        self._arguments = list(arguments)
        self._descriptors = tuple(descriptors)
        self._grown_up_s = grown_up_s
        self.unusable = False
        self._leave = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._line = ""
        self._talk = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process and watch it."""
        self._thread.start()

    def tell(self, line: str) -> None:
        """Say one line to the process, and to each that follows it (`leave_with_parent` returns it there)."""
        with self._talk:
            self._line = f"{line}\n"
            self._say()

    def stop(self) -> None:
        """Ask the process to leave; `join` waits for it."""
        self._leave.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def join(self) -> None:
        """Wait until the process is gone; one that does not leave is ended."""
        self._thread.join(CLOSE_S)
        process = self._process
        if self._thread.is_alive() and process is not None:
            logger.warning("%s does not leave and is ended", self.name)
            process.kill()
            self._thread.join()

    def _watch(self) -> None:
        pause_s, first = 0.0, True
        while not self._leave.is_set():
            started_s = time.monotonic()
            with self._talk:
                # A session of its own: the terminal's Ctrl-C is for us, and we tell our children.
                process = self._process = subprocess.Popen(
                    self._arguments, stdin=subprocess.PIPE, start_new_session=True, pass_fds=self._descriptors
                )
                self._say()
            if self._leave.is_set():
                process.terminate()
            code = process.wait()
            # what is said goes to this one as a whole, or to the next one
            with self._talk, suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            if self._leave.is_set():
                return
            self.unusable = code == UNUSABLE and first
            if self.unusable:
                return
            first = False
            grown_up = time.monotonic() - started_s > max(self._grown_up_s, 2 * pause_s)
            pause_s = 0.0 if grown_up else min(max(FIRST_PAUSE_S, 2 * pause_s), LONGEST_PAUSE_S)
            logger.error("%s ended with code %s and is started again in %.1f s", self.name, code, pause_s)
            self._leave.wait(pause_s)

    def _say(self) -> None:
        process = self._process
        if self._line and process is not None and process.stdin is not None and not process.stdin.closed:
            # one that has just died is followed by another
            with suppress(OSError):
                process.stdin.write(self._line.encode())
                process.stdin.flush()


def leave_with_parent() -> Future[str]:
    """End this process soon after its parent is gone, however the parent went: its standard input is then closed.

    Returns:
        The line that the parent says (`Child.tell`), when it has said it.
    """
    said: Future[str] = Future()

    def wait() -> None:
        heard = b""
        while part := os.read(0, 4096):
            heard += part
            if not said.done() and b"\n" in heard:
                said.set_result(heard.partition(b"\n")[0].decode())
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(CLOSE_S)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return said


class Asked(SystemExit):
    """The process was asked to stop."""


def stop_on_signals() -> None:
    """Turn the first SIGTERM or SIGINT into `Asked`, so that ``finally`` and ``with`` do their work; later ones are ignored."""

    def ask(number: int, frame: FrameType | None) -> None:
        for known in (signal.SIGTERM, signal.SIGINT):
            signal.signal(known, signal.SIG_IGN)
        raise Asked(0)

    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, ask)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Who is asked to stop meanwhile stops at the end: an import that is broken off leaves modules in pieces, for good."""
    asked: list[int] = []
    before = {
        known: signal.signal(known, lambda number, frame: asked.append(number)) for known in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)
    if asked:
        signal.raise_signal(asked[0])
