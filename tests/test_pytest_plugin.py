"""The fixture for other people's tests: the example project runs as it stands in its folder."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "emulator" / "examples" / "ci"


def _pytest(folder, *arguments):
    # a stranger's process: it finds the bridge by the fixture alone
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "QPU_BRIDGE_", "PYTEST_"))}
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder, *arguments]
    done = subprocess.run(program, cwd=folder, env=bare, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_the_example_project_passes():
    """Noise is switched off per job, faults end a job with their reason, all through the unmodified client."""
    code, said = _pytest(EXAMPLE)
    assert code == 0, said
    assert "4 passed" in said


def test_options_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(qpu_bridge): pass\n")
    code, said = _pytest(tmp_path, "-o", "qpu_bridge_options=faults")
    assert code == 1
    assert "qpu_bridge_options must be a JSON object" in said
