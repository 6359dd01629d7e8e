"""Machine code on disk is never older than what it was made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qpu_emulator.jit import _Files

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


def test_two_processes_that_compile_a_function_for_different_arguments_do_not_take_each_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (_Files(str(tmp_path), "f", "source") for _ in range(2))
    late: list[tuple[str, object]] = []
    write_data, write_index = one._save_data, other._save_index

    def meanwhile(overloads: object) -> None:
        one.save("numbers", "code for numbers")
        write_index(overloads)

    # neither knows of the other, and the first is the last to write its code
    monkeypatch.setattr(one, "_save_data", lambda *given: late.append(given))
    monkeypatch.setattr(other, "_save_index", meanwhile)
    other.save("integers", "code for integers")
    for given in late:
        write_data(*given)
    for key in ("integers", "numbers"):
        assert _Files(str(tmp_path), "f", "source").load(key) in (f"code for {key}", None)
    # what was lost on the way is made and kept again
    monkeypatch.undo()
    other.save("integers", "code for integers")
    assert _Files(str(tmp_path), "f", "source").load("integers") == "code for integers"


def test_what_an_older_source_was_made_into_is_not_taken_and_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _Files(str(tmp_path), "f", "old").save("numbers", "old code")
    new = _Files(str(tmp_path), "f", "new")
    seen = []
    write = new._save_data

    def meanwhile(*given: object) -> None:
        seen.append(_Files(str(tmp_path), "f", "new").load("numbers"))
        write(*given)

    monkeypatch.setattr(new, "_save_data", meanwhile)
    new.save("numbers", "new code")
    assert seen == [None]
    assert _Files(str(tmp_path), "f", "new").load("numbers") == "new code"
    assert len(list(tmp_path.glob("*.nbc"))) == 1
