"""Machine code on disk is never older than what it was made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CALLER = """
from qpu_emulator.jit import compiled
from small.callee import FACTOR, inner

@compiled()
def outer(number):
    return FACTOR * inner(number)

print(outer(1), sum(outer._cache_hits.values()))
"""
CALLEE = """
from qpu_emulator.jit import compiled

FACTOR = {factor}

@compiled()
def inner(number):
    return number + {step}
"""


@pytest.mark.parametrize(("factor", "step", "value"), [(1, 2, 3), (5, 1, 10)])
def test_a_function_is_made_anew_when_what_it_calls_or_a_number_has_changed(
    tmp_path: Path, factor: int, step: int, value: int
) -> None:
    room = tmp_path / "small"
    room.mkdir()
    (room / "__init__.py").touch()
    (room / "caller.py").write_text(CALLER)

    def run(factor: int, step: int) -> list[int]:
        (room / "callee.py").write_text(CALLEE.format(factor=factor, step=step))
        # bytecode is looked up by whole seconds
        command = [sys.executable, "-B", "-c", "import small.caller"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)
        return [int(word) for word in done.stdout.split()]

    assert run(1, 1) == [2, 0]
    assert run(1, 1) == [2, 1]
    assert run(factor, step) == [value, 0]
