from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qpu_bridge.cli import child as child_module
from qpu_bridge.cli.child import Child

LOYAL = "from qpu_bridge.cli.child import leave_with_parent; leave_with_parent(); import time; time.sleep(600)"


def until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_process_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_PAUSE_S", 0.01)
    child = Child("test", [sys.executable, "-c", LOYAL])
    child.start()
    until(lambda: child.pid is not None)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: child.pid != first)
    child.stop()
    child.join()
    assert child.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


class Pipe:
    """Standard input of a process that dies while it is told something."""

    def __init__(self, child: Child) -> None:
        assert child._process is not None
        self._process, self._real = child._process, child._process.stdin
        self._gone = threading.Event()

    @property
    def closed(self) -> bool:
        return self._gone.is_set()

    def write(self, line: bytes) -> None:
        self._process.kill()
        # nobody may close it until this is over
        if self._gone.wait(0.3):
            raise ValueError("write to closed file")

    def flush(self) -> None:
        assert self._real is not None
        self._real.flush()

    def close(self) -> None:
        self._gone.set()
        assert self._real is not None
        self._real.close()


def test_what_a_process_did_not_hear_before_it_died_the_next_one_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_PAUSE_S", 0.01)
    said = tmp_path / "said"
    hears = f"import sys; from pathlib import Path; Path({str(said)!r}).write_text(sys.stdin.readline()); sys.stdin.read()"
    child = Child("test", [sys.executable, "-c", hears])
    child.start()
    until(lambda: child.pid is not None)
    assert child._process is not None
    child._process.stdin = Pipe(child)  # type: ignore[assignment]
    child.tell("go")
    until(lambda: said.exists() and said.read_text() == "go\n")
    child.stop()
    child.join()


def test_a_process_that_does_not_leave_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "CLOSE_S", 0.2)
    sign = tmp_path / "deaf"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(sign)!r}, 'w').close(); input()"
    child = Child("deaf", [sys.executable, "-c", deaf])
    child.start()
    until(sign.exists)
    child.stop()
    child.join()
    assert child.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_process_whose_settings_are_wrong_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_PAUSE_S", 0.01)
    child = Child("wrong", [sys.executable, "-c", f"raise SystemExit({child_module.UNUSABLE})"])
    child.start()
    until(lambda: child.unusable)
    child.stop()
    child.join()


def test_who_is_asked_to_stop_in_the_middle_of_something_stops_after_it() -> None:
    program = """
import signal
from qpu_bridge.cli.child import stop_on_signals, undisturbed
stop_on_signals()
with undisturbed():
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    print("done", flush=True)
print("not this", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
