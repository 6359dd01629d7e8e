"""The fixture for other people's tests: the example project runs as it stands in its folder."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from qpu_bridge.pytest_plugin import _rack

EXAMPLE = Path(__file__).parents[1] / "emulator" / "examples" / "ci"


def test_the_example_project_passes():
    """Noise is switched off per job, faults end a job with their reason, all through the unmodified client."""
    # a stranger's process: it finds the bridge by the fixture alone
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "QPU_BRIDGE_", "PYTEST_"))}
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", EXAMPLE, EXAMPLE]
    done = subprocess.run(program, cwd=EXAMPLE, env=bare, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.parametrize("options", ["faults", "[1]"])
def test_options_that_are_no_json_object_are_refused(tmp_path, options):
    config = SimpleNamespace(getini={"qpu_bridge_rack": "", "qpu_bridge_options": options}.__getitem__)
    with pytest.raises(pytest.UsageError, match="qpu_bridge_options must be a JSON object"):
        _rack(config, tmp_path)
