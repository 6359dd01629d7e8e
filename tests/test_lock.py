"""Who holds the lock is alone; the end of its process, however it ends, lets the next one in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qpu_bridge.lock import lock

HOLDS = """
import sys
from pathlib import Path
from qpu_bridge.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_only_one_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock(path) as held:
        assert held.holds()
        with pytest.raises(BlockingIOError), lock(path, wait=False):
            pass
    with lock(path, wait=False):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), lock(path, wait=False):
            pass
        holder.kill()
        with lock(path) as held:
            assert held.holds()


def test_a_file_that_was_removed_or_replaced_is_no_longer_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock(path) as held:
        path.unlink()
        assert not held.holds()
        path.touch()
        assert not held.holds()


def test_others_cannot_read_it(tmp_path: Path) -> None:
    with lock(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
