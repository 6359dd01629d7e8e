from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from qpu_bridge.sdk.environment import environment

PROGRAM = """
from qiskit_ibm_runtime import QiskitRuntimeService
service = QiskitRuntimeService()
print(service.backend("lab_three").num_qubits, service.usage()["usage_limit_reached"])
"""


def run(home: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "PYTHONPATH")}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(
        command, env=plain | {"HOME": str(home)} | variables, cwd=home, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_unmodified_client_needs_nothing_else(bridge: Any, tmp_path: Path) -> None:
    done = run(tmp_path, environment(bridge.url, bridge.token))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "False"]
    assert done.stderr == ""


def test_a_saved_account_does_not_get_in_the_way(bridge: Any, tmp_path: Path) -> None:
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(
        '{"ibm": {"channel": "ibm_quantum_platform", "token": "t", "url": "https://cloud.ibm.com", "is_default_account": true}}'
    )
    done = run(tmp_path, environment(bridge.url, bridge.token))
    assert done.returncode == 0, done.stderr


def test_a_wrong_token_is_told(bridge: Any, tmp_path: Path) -> None:
    done = run(tmp_path, environment(bridge.url, "qb-wrong-wrong"))
    assert done.returncode != 0
    assert "valid API token" in done.stderr


def test_the_environment_is_cheap() -> None:
    code = "import sys, qpu_bridge.sdk.environment; assert 'qiskit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
