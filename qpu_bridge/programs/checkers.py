"""Checks in processes of their own.

What a stranger sends may take for ever to read, or all the memory: a page of OpenQASM can name gates that double 40 times, and a
megabyte of zeros unpacks to a gigabyte. A thread cannot be ended; a process can, and its memory has a limit.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from qpu_bridge.driver import Capabilities
from qpu_bridge.errors import BridgeError, DeveloperError, OperatorError, TooLarge
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.target import Snapshot

LONGEST_S = 20
"""How much processor time a check may take, whole s: not more on a busy machine than on an idle one."""

MOST_BYTES = min(4 * 2**30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)
"""How much memory a check may need, bytes, beside what the libraries have set aside."""

NUMBER = max(2, min(4, os.cpu_count() or 1))
"""How many checks may be done at the same time."""

_LENGTH = struct.Struct(">Q")
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")

logger = logging.getLogger(__name__)


class Checkers:
    """A few processes that do `qpu_bridge.programs.check`; each is replaced when a job was too much for it.

    Args:
        number: How many.
        longest_s: Processor time that a check may take, whole s.
        most_bytes: Memory that a process may need.

    Attributes:
        number: How many. Who asks for more checks at once waits, in no fair order: the service lets in no more than these.
    """

    def __init__(self, number: int = NUMBER, *, longest_s: int = LONGEST_S, most_bytes: int = MOST_BYTES) -> None:
        self.number = number
        self._longest_s = longest_s
        self._most_bytes = most_bytes
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._alive: set[_Process] = set()
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(number - 1):
            self._free.put(None)
        # one is warm before the first job comes; the others start when they are needed
        self._free.put(self._started())

    def check(self, program_id: str, params_json: str, device: DeviceView) -> float | None:
        """Refuse a job that could not run, and say how long it would keep the device, as `qpu_bridge.programs.check` does.

        Raises:
            CallerError: With a stable code and the reason.
            TooLarge: If the check takes too long or too much memory.
            DeveloperError: If the check broke.
        """
        process, keep = self._free.get(), False
        try:
            process = process or self._started()
            answer = process.ask(program_id, params_json, device)
            keep = answer is not None and not answer["leaves"] and not self._closed.is_set()
        finally:
            self._free.put(process if keep else self._successor(process))
        if self._closed.is_set():
            raise OperatorError("the bridge must be running", given="it is about to stop")
        if answer is None:
            raise self._too_much(process.code)
        if answer["error"] is not None:
            raise BridgeError.from_document(answer["error"])
        planned_s: float | None = answer["planned_s"]
        return planned_s

    def close(self) -> None:
        """End the processes; checks that wait for one are refused."""
        self._closed.set()
        with self._lock:
            processes = tuple(self._alive)
        for process in processes:
            process.end()
        for _ in range(self._free.qsize()):
            with suppress(queue.Empty):
                self._let_go(self._free.get_nowait())
                self._free.put(None)

    def __enter__(self) -> Self:
        """The checkers themselves."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the processes."""
        self.close()

    def _started(self) -> _Process:
        with self._lock:
            if self._closed.is_set():
                raise OperatorError("the bridge must be running", given="it is about to stop")
            process = _Process(self._longest_s, self._most_bytes)
            self._alive.add(process)
            return process

    def _let_go(self, process: _Process | None) -> None:
        if process is not None:
            process.let_go()
            with self._lock:
                self._alive.discard(process)

    def _successor(self, process: _Process | None) -> _Process | None:
        """Another one in its place, started now so that it is warm when it is needed."""
        self._let_go(process)
        with suppress(OperatorError, OSError):
            return self._started()
        return None

    def _too_much(self, code: int) -> BridgeError:
        if code == -signal.SIGPROF:
            return TooLarge(f"a job must be such that it can be checked in {self._longest_s} s of processor time")
        logger.error("a process that checked a job ended with code %d", code)
        return _no_memory(self._most_bytes)


class _Process:
    """One of them, seen from outside."""

    def __init__(self, longest_s: int, most_bytes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(longest_s), str(most_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            # the terminal's Ctrl-C is not for it: it ends with its standard input
            start_new_session=True,
        )
        self._known: dict[str, DeviceView] = {}

    @property
    def code(self) -> int:
        """How it ended."""
        return self._process.wait()

    def ask(self, program_id: str, params_json: str, device: DeviceView) -> dict[str, Any] | None:
        """Its answer; None if it died instead."""
        known = self._known.get(device.name)
        news = None if known is not None and _same(known, device) else device
        self._known[device.name] = device
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            head = {"program": program_id, "device": device.name, "news": news and _written(news)}
            _write(self._process.stdin, json.dumps(head).encode("utf-8"))
            _write(self._process.stdin, params_json.encode("utf-8"))
            answer = _read(self._process.stdout)
        except (OSError, ValueError):
            return None
        return None if answer is None else dict(json.loads(answer))

    def end(self) -> None:
        """End it, whatever it does; whoever asked it something is told."""
        self._process.kill()

    def let_go(self) -> None:
        """End it and let go of it."""
        self.end()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _same(one: DeviceView, other: DeviceView) -> bool:
    # the same objects, not equal ones: comparing snapshots would take longer than sending them
    return (
        one.snapshot is other.snapshot and one.capabilities is other.capabilities and one.allow_simulated == other.allow_simulated
    )


def _written(device: DeviceView) -> dict[str, Any]:
    return {
        "name": device.name,
        "snapshot": device.snapshot.model_dump_json(),
        "capabilities": device.capabilities.model_dump_json(),
        "allow_simulated": device.allow_simulated,
    }


def _view(written: dict[str, Any]) -> DeviceView:
    return DeviceView(
        written["name"],
        Snapshot.model_validate_json(written["snapshot"]),
        Capabilities.model_validate_json(written["capabilities"]),
        written["allow_simulated"],
    )


def _reserved() -> int:
    """Address space that the libraries have set aside for data at this moment, bytes: a gigabyte and more, nearly all unused."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:
        return 2**31
    return pages * os.sysconf("SC_PAGE_SIZE")


def _no_memory(most_bytes: int) -> TooLarge:
    return TooLarge(f"a job must be such that it can be checked with {most_bytes >> 20} MiB of memory")


def _of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = pipe.read(length)
    return message if len(message) == length else None


def _serve(longest_s: int, most_bytes: int) -> None:
    """What such a process does until its standard input ends."""
    # libraries that print must not print into our answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from qpu_bridge.programs import check

    # before the limit is set, and before the first job
    import_module("qpu_bridge.programs.catalog")
    limit = _reserved() + most_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devices: dict[str, DeviceView] = {}
    while (message := _read(sys.stdin.buffer)) is not None:
        head = json.loads(message)
        params_json = (_read(sys.stdin.buffer) or b"").decode("utf-8")
        if head["news"] is not None:
            devices[head["device"]] = _view(head["news"])
        error: BridgeError | None = None
        planned_s: float | None = None
        # unhandled, the signal ends the process even inside a library's own code
        signal.setitimer(signal.ITIMER_PROF, longest_s)
        try:
            planned_s = check(head["program"], params_json, devices[head["device"]])
        except BridgeError as refusal:
            # libraries' errors of all kinds are turned into refusals on the way here, this one too
            error = _no_memory(most_bytes) if _of_memory(refusal) else refusal
        except MemoryError:
            error = _no_memory(most_bytes)
        except BaseException:  # a library's Rust code that panics is no Exception
            logger.exception("the check of program %s broke", head["program"])
            error = DeveloperError("a check must refuse a job or let it pass", given="it broke")
        signal.setitimer(signal.ITIMER_PROF, 0)
        del message, params_json
        # what was taken once is not always given back to the system
        leaves = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > most_bytes // 4
        said = {"error": error and error.to_document(), "planned_s": planned_s, "leaves": leaves}
        _write(answers, json.dumps(said).encode("utf-8"))


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
