from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from qpu_bridge.sdk.environment import environment

PROGRAM = """
import json, os, sys
from qiskit_ibm_runtime import QiskitRuntimeService

plain = dict(os.environ)
for variables in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(plain | variables)
    try:
        service = QiskitRuntimeService()
        print(service.backend("lab_three").num_qubits, service.usage()["usage_limit_reached"], flush=True)
    except Exception as error:
        print(error, flush=True)
"""
"""One process for several environments, since the client takes seconds to import."""


def run(home: Path, *ways: dict[str, str]) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "PYTHONPATH")}
    command = [sys.executable, "-c", PROGRAM, json.dumps(ways)]
    return subprocess.run(
        command, env=plain | {"HOME": str(home)}, cwd=home, capture_output=True, text=True, timeout=300, check=True
    )


def test_the_unmodified_client_needs_nothing_else_and_is_told_of_a_wrong_token(bridge: Any, tmp_path: Path) -> None:
    done = run(tmp_path, environment(bridge.url, bridge.token), environment(bridge.url, "qb-wrong-wrong"))
    found, refused = done.stdout.splitlines()
    assert found == "3 False"
    assert "valid API token" in refused
    assert done.stderr == ""


def test_a_saved_account_does_not_get_in_the_way(bridge: Any, tmp_path: Path) -> None:
    (tmp_path / ".qiskit").mkdir()
    (tmp_path / ".qiskit" / "qiskit-ibm.json").write_text(
        '{"ibm": {"channel": "ibm_quantum_platform", "token": "t", "url": "https://cloud.ibm.com", "is_default_account": true}}'
    )
    assert run(tmp_path, environment(bridge.url, bridge.token)).stdout == "3 False\n"


def test_the_environment_is_cheap() -> None:
    code = "import sys, qpu_bridge.sdk.environment; assert 'qiskit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
