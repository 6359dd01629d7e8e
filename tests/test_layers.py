"""The import contracts of pyproject.toml hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_rooms_import_downwards_only() -> None:
    lint = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_gate_runs_what_the_readme_says() -> None:
    gate = (ROOT / ".ci/run").read_text()
    readme = (ROOT / "README.md").read_text()
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/qpu-bridge demo",
        ".venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n 2 --dist worksteal",
    ):
        assert f"\n{command}\n" in readme
        # between the two halves of the second the gate puts in place what an old C library lacks
        halves = [command] if f"\n{command}\n" in gate else command.split(" && ")
        assert all(f"\n{half}\n" in gate for half in halves)
