"""What tests of the Qblox driver need of the vendor's tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def assembler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vendor's assembler, which every upload to a dummy starts; without it the test is skipped, with the remedy."""
    vendor = pytest.importorskip("qblox_instruments", reason="pip install 'qpu-bridge[qblox]'")
    name = {"darwin": "q1asm_macos", "win32": "q1asm_windows.exe"}.get(sys.platform, "q1asm_linux")
    program = Path(vendor.__file__).parent / "assemblers" / name
    room = tmp_path_factory.mktemp("assembler")
    (room / "tmp.q1asm").write_text("nop\nstop\n")
    try:
        done = subprocess.run(
            [program, "-o", "tmp", "tmp.q1asm"], cwd=room, capture_output=True, text=True, timeout=300, check=False
        )
        said = "" if done.returncode == 0 else done.stdout + done.stderr
    except OSError as error:
        said = str(error)
    if said:
        pytest.skip(f"the vendor's assembler must run, which .ci/q1asm {sys.executable} arranges; it said: {said[-200:]}")
    return program


@pytest.fixture
def dummy_room(assembler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of this test's own: the vendor's dummy writes its files where it is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
