from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys, time
from pathlib import Path
from qpu_bridge.telemetry import Stage, metrics, played, stage
with stage(Stage.LOWER):
    pass
if sys.argv[2] == "share":
    metrics.share(Path(sys.argv[1]))
counted = metrics.count()
assert (counted is None) == (sys.argv[2] == "off")
assert ("prometheus_client" in sys.modules) == (counted is not None)
with stage(Stage.LOWER):
    pass
played("lab_two", 0.25)
if counted is not None:
    counted.answered("GET", "/jobs/{job_id}", 200, 0.01)
    counted.answered("HACK-17", "none", 405, 0.01)
    print(metrics.text(Path(sys.argv[1]))[0].decode())
"""


def run(folder: Path, how: str, **environment: str) -> str:
    bare = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), how], env=bare | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_processes_count_together(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    run(folder, "share")
    page = run(folder, "inherit", PROMETHEUS_MULTIPROC_DIR=str(folder))
    assert 'qpu_bridge_stage_seconds_count{stage="lower"} 2.0' in page
    assert 'qpu_bridge_device_seconds_total{device="lab_two"} 0.5' in page
    assert 'qpu_bridge_http_answers_total{method="GET",route="/jobs/{job_id}",status="200"} 2.0' in page
    assert 'method="other"' in page
    assert "HACK" not in page


def test_a_new_start_forgets_those_who_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    run(folder, "share")
    mine = folder / f"counter_{os.getpid()}.db"
    mine.touch()
    page = run(folder, "share")
    assert 'qpu_bridge_stage_seconds_count{stage="lower"} 1.0' in page
    assert mine.exists()  # its process lives


def test_nothing_is_counted_or_imported_unless_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path / "metrics", "off") == ""
