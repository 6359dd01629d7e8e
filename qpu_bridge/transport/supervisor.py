"""The supervisor: starts a driver process, watches it, starts it again when it dies or hangs, and stops it cleanly."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from types import TracebackType

import zmq

from qpu_bridge.errors import UNUSABLE, DriverLost, SettingsError
from qpu_bridge.transport.endpoint import lines
from qpu_bridge.transport.keys import ClientKeys, require_keys
from qpu_bridge.transport.process import AWAIT_WORD, FOLLOW_PARENT
from qpu_bridge.transport.pulse import Pulse, new_session

_log = logging.getLogger(__name__)

READY_S = 300.0
"""How long a process may be silent when it starts, s: an emulator compiles for half a minute the first time,
longer beside other work."""
_SLICE_S = 0.05


class Phase(StrEnum):
    """Where the process is."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"  # until it is started again
    FAILED = "failed"  # it died too often
    STOPPED = "stopped"


class Supervisor:
    """Keeps one driver process alive.

    One that ends its first life with `errors.UNUSABLE` is not started again.

    The process runs in a folder of its own, writes its output to ``driver.log`` there, and ends when this process ends.

    Args:
        command: Program and arguments; paths in them must be absolute.
        endpoint: Watch line of the driver.
        keys: CURVE keys, if the endpoint needs them.
        folder: Where the process runs; None is a temporary one that goes away with it.
        environment: Added to this process's own.
        ready_s: Until the process must give a first sign of life.
        patience_s: A process that does not answer a heartbeat for so long is killed and started again.
        heartbeat_s: Between two heartbeats.
        back_off_s: Wait before the first restart; doubled each time up to ``longest_wait_s``.
        longest_wait_s: Longest wait before a restart.
        restarts: After so many restarts without ``stable_s`` of life between them, the driver has failed.
        stable_s: A process that lived for so long starts counting anew.
        waits: Whether the process only imports, and touches no instrument, until `go_on`.
    """

    def __init__(
        self,
        command: Sequence[str],
        endpoint: str,
        *,
        keys: ClientKeys | None = None,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        ready_s: float = READY_S,
        patience_s: float = 5.0,
        heartbeat_s: float = 0.5,
        back_off_s: float = 0.2,
        longest_wait_s: float = 10.0,
        restarts: int = 5,
        stable_s: float = 60.0,
        waits: bool = False,
    ) -> None:
        require_keys(endpoint, keys)
        self._command, self._endpoint, self._keys = list(command), endpoint, keys
        self._folder, self._environment = folder, dict(environment or {})
        self._ready_s, self._patience_s, self._heartbeat_s = ready_s, patience_s, heartbeat_s
        self._back_off_s, self._longest_wait_s = back_off_s, longest_wait_s
        self._most_restarts, self._stable_s = restarts, stable_s
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: Thread | None = None
        self._stop = Event()
        self._talk, self._word = Lock(), Event()
        if not waits:
            self._word.set()
        self._change = Condition()
        self.phase = Phase.STOPPED
        self.restarts = 0
        self.reason = ""
        self.unusable = False
        self._was_ready = False

    @property
    def process_id(self) -> int | None:
        """Id of the process, None if there is none now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def log(self) -> Path | None:
        """What the process has written, None before it was started."""
        return None if self._folder is None else self._folder / "driver.log"

    def start(self) -> None:
        """Start the process and watch it; returns at once.

        Raises:
            SettingsError: If the program cannot be started.
        """
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="qpu-driver-")
            self._folder = Path(self._temporary.name)
        self._stop.clear()
        try:
            self._spawn()
        except SettingsError:
            self.stop()
            raise
        self._thread = Thread(target=self._watch, name="driver-supervisor", daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Let a process that waits open its driver."""
        with self._talk:
            if not self._word.is_set() and self._process is not None and self._process.stdin is not None:
                # one that has just died is followed by one that does not wait
                with suppress(OSError):
                    self._process.stdin.write(b"\n")
                    self._process.stdin.flush()
            self._word.set()

    def wait_ready(self, timeout_s: float = READY_S, restarts: int = 0) -> None:
        """Wait until the process answers, after at least so many restarts.

        Raises:
            DriverLost: If it has failed, or time is up; with the end of its log.
            SettingsError: If it says that driver, snapshot, options, endpoint or keys are not usable.
        """
        with self._change:
            self._change.wait_for(
                lambda: (self.phase is Phase.READY and self.restarts >= restarts) or self.phase in (Phase.FAILED, Phase.STOPPED),
                timeout_s,
            )
            if self.unusable:
                raise SettingsError("a driver must be able to start with its settings", given=self._last_words())
            if self.phase is not Phase.READY or self.restarts < restarts:
                raise DriverLost(
                    "a driver process must become ready",
                    given=f"{self.phase.value} after {self.restarts} restarts: {self.reason or self._last_words()}",
                    where=self._endpoint,
                )

    def restart(self, reason: str) -> None:
        """End the process at once; another one is started as if it had died."""
        process = self._process
        if process is not None and process.poll() is None:
            _log.warning("driver at %s is started again: %s", self._endpoint, reason)
            process.kill()

    def stop(self, grace_s: float = 5.0) -> None:
        """Ask the process to end, kill it if it does not, and clean up."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._end(grace_s)
        self._enter(Phase.STOPPED, self.reason)
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = self._folder = None

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _watch(self) -> None:
        in_a_row = 0
        while not self._stop.is_set():
            lived_s, reason = self._live()
            if self._stop.is_set():
                return
            self.unusable = not self._was_ready and self._process is not None and self._process.returncode == UNUSABLE
            if self.unusable:
                self._end(0.0)
                self._enter(Phase.FAILED, reason)
                return
            in_a_row = 1 if lived_s > self._stable_s else in_a_row + 1
            _log.warning("driver at %s lost: %s", self._endpoint, reason)
            self._end(0.0)
            if in_a_row > self._most_restarts:
                self._enter(Phase.FAILED, f"{reason}; it was started again {self._most_restarts} times")
                return
            self._enter(Phase.WAITING, reason)
            if self._stop.wait(min(self._longest_wait_s, self._back_off_s * 2 ** (in_a_row - 1))):
                return
            self.restarts += 1
            try:
                self._spawn()
            except SettingsError as error:
                self._enter(Phase.FAILED, str(error))
                return

    def _live(self) -> tuple[float, str]:
        """Watch one process until it is lost; seconds of life, and why it ended."""
        process = self._process
        # until then nobody answers, or somebody else does
        while not self._word.wait(_SLICE_S):
            if self._stop.is_set() or process is None or process.poll() is not None:
                break
        started = time.monotonic()
        pulse = Pulse(
            zmq.Context.instance(),
            lines(self._endpoint)[0],
            self._keys,
            new_session(),
            self._heartbeat_s,
            self._patience_s,
        )
        losses, lost_at = 0, None
        try:
            while not self._stop.is_set() and process is not None:
                now = time.monotonic()
                if (code := process.poll()) is not None:
                    return now - started, f"the process ended with {code}: {self._last_words()}"
                if pulse.losses != losses:
                    losses, lost_at = pulse.losses, now
                # a broken connection often means that the process is just dying, and may mean nothing
                if lost_at is not None and now - lost_at > 2 * self._heartbeat_s:
                    return now - started, pulse.reason
                if pulse.alive:
                    lost_at = None
                    if self.phase is Phase.STARTING:
                        self._was_ready = True
                        self._enter(Phase.READY, "")
                elif not pulse.heard and now - started > self._ready_s:
                    return now - started, f"no sign of life within {self._ready_s} s: {self._last_words()}"
                pulse.wait(pulse.heard, pulse.losses, _SLICE_S)
        finally:
            pulse.stop()
        return time.monotonic() - started, "stopped"

    def _spawn(self) -> None:
        assert self._folder is not None
        self._enter(Phase.STARTING, self.reason)
        with (self._folder / "driver.log").open("ab") as log, self._talk:
            environment = os.environ | self._environment | {FOLLOW_PARENT: "1", AWAIT_WORD: "0" if self._word.is_set() else "1"}
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=self._folder,
                    env=environment,
                    # the terminal's Ctrl-C is for us: we stop what the driver plays, and then the driver
                    start_new_session=True,
                )
            except OSError as error:
                raise SettingsError("a driver's program must be startable", given=str(error), where=self._command[0]) from None

    def _end(self, grace_s: float) -> None:
        # nobody writes to it any more
        with self._talk:
            process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None and grace_s:
            process.terminate()
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                _log.warning("driver at %s did not end within %s s and is killed", self._endpoint, grace_s)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _last_words(self) -> str:
        if self.log is None or not self.log.is_file():
            return "it said nothing"
        return self.log.read_text(errors="replace")[-1000:].strip() or "it said nothing"

    def _enter(self, phase: Phase, reason: str) -> None:
        with self._change:
            self.phase, self.reason = phase, reason
            self._change.notify_all()
