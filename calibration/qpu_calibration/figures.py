"""Figures drawn in processes of their own, while whoever calibrates goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from select import select
from threading import Condition, Event, Thread
from types import TracebackType

from qpu_calibration.draw import excuse

MOST = 4
"""Processes that draw, if there are as many processors."""
WAITING = 8
"""Figures that wait for each process before another one is started: a start costs as much as some figures."""
LONGEST_S = 300.0
"""What takes longer to draw is given up, s."""
IDLE_S = 60.0
"""A process that nobody has asked for so long ends, s: it holds a hundred megabytes."""
LOOK_S = 0.1
"""How often to look whether to leave, s."""
NOT_YET = (
    "no figure yet: it is drawn beside, and left out if who calibrates or the bridge ends before (qpu-bridge calibration draw)"
)


class Figures:
    """Draws what an archive keeps.

    Processes start when there is something to draw, and end when there is nothing for a while, at `close`, or when this
    process ends, however it does.

    Args:
        idle_s: How long a process waits for its next figure, s.
    """

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._most = min(MOST, os.cpu_count() or 1)
        self._change = Condition()
        self._closed = Event()
        self._orders: deque[tuple[Path, str]] = deque()
        self._threads: list[Thread] = []
        self._asked = self._done = 0

    def ask(self, place: Path, routine: str) -> None:
        """Have the figure of a pass drawn; returns at once.

        Args:
            place: Folder of its data and fits.
            routine: Name of what measured it.
        """
        with self._change:
            self._orders.append((place, routine))
            self._asked += 1
            if len(self._threads) < self._most and len(self._orders) > WAITING * len(self._threads):
                self._threads.append(Thread(target=self._work, name="figures", daemon=True))
                self._threads[-1].start()
            self._change.notify_all()

    def finish(self, cancelled: Callable[[], bool], told: Callable[[int, int], None] | None = None) -> int:
        """Wait until all figures are there.

        Args:
            cancelled: Asked again and again; True leaves the others out.
            told: Of how many are there, of how many; at the end once more.

        Returns:
            How many are not there.
        """
        with self._change:
            while True:
                if told is not None:
                    told(self._done, self._asked)
                if self._done == self._asked or cancelled():
                    return self._asked - self._done
                self._change.wait(LOOK_S)

    def close(self) -> None:
        """End the processes. What is not drawn yet is left out."""
        self._closed.set()
        with self._change:
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Figures:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _work(self) -> None:
        # the terminal's Ctrl-C is for who calibrates; a process that begins has no session of its own yet, and inherits this
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        with _Painter(self._closed) as painter:
            while True:
                order = self._next(self._idle_s)
                if order is None:
                    painter.end()
                    order = self._next(None)
                    if order is None:
                        return
                place, routine = order
                reason = painter.draw(place, routine)
                if reason:
                    # a run that was deleted meanwhile needs none
                    with suppress(OSError):
                        excuse(place, f"no figure could be drawn: {reason}")
                with self._change:
                    self._done += not self._closed.is_set()
                    self._change.notify_all()

    def _next(self, wait_s: float | None) -> tuple[Path, str] | None:
        """What to draw next; None at the end, or if nobody asks for so long."""
        with self._change:
            self._change.wait_for(lambda: self._orders or self._closed.is_set(), wait_s)
            return self._orders.popleft() if self._orders and not self._closed.is_set() else None


@cache
def beside() -> Figures:
    """Those of this process, which draw on when the job that asked is done: other jobs have the device meanwhile."""
    return Figures()


class _Painter:
    """A process that draws one figure after the other. One that dies is followed by another, for the next figure."""

    def __init__(self, closed: Event) -> None:
        self._closed = closed
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Painter:
        self._words = tempfile.TemporaryFile()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
        self._words.close()

    def draw(self, place: Path, routine: str) -> str:
        """Have a figure drawn.

        Returns:
            Why it is not, if there was no answer.
        """
        try:
            process = self._process or self._start()
        except OSError as error:
            return str(error)
        assert process.stdin is not None
        assert process.stdout is not None
        # whether it died before it was asked or after, there is no answer
        with suppress(BrokenPipeError):
            process.stdin.write(f"{json.dumps([str(place), routine])}\n".encode())
            process.stdin.flush()
        until_s = time.monotonic() + LONGEST_S
        while not select([process.stdout], [], [], LOOK_S)[0]:
            if self._closed.is_set() or time.monotonic() > until_s:
                self.end()
                return "" if self._closed.is_set() else f"it took longer than {LONGEST_S:.0f} s"
        if process.stdout.readline():
            return ""
        self.end()
        return f"the process that draws has died{self._last_words()}"

    def end(self) -> None:
        """End the process; the next figure has another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # what was not sent is not missed
            with suppress(OSError):
                process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        self._words.seek(0)
        self._words.truncate()
        # not forked: there are threads and sockets here
        # -P: modules are not looked for in the folder that somebody happens to be in
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "qpu_calibration.painter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            start_new_session=True,
        )
        return self._process

    def _last_words(self) -> str:
        self._words.seek(0)
        words = self._words.read()[-1000:].decode(errors="replace").strip()
        return f": {words}" if words else ""
