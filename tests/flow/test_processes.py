"""Processes die; jobs do not, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge import BridgeService
from qpu_bridge.cli.rack import only_bridge
from tests.flow.conftest import Running, children, serving, until

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")

RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.loop_five]
driver = "loopback"
"""


def slow_job(backend: Any, rows: int = 6, row_s: float = 0.5) -> Any:
    """A job that takes some seconds."""
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = SamplerV2(backend)
    sampler.options.experimental = {"device": {"row_seconds": row_s}}
    return sampler.run([circuit] * rows, shots=10)


def find(running: Running, word: str) -> int:
    (pid,) = [pid for pid, line in children(running.process.pid) if f" {word} " in line]
    return pid


@pytest.fixture(scope="module")
def looped() -> Iterator[Running]:
    """A bridge whose processes may die, but for the first."""
    with serving(RACK) as running:
        yield running


@pytest.mark.parametrize("victim", ["driver", "runner", "api"])
def test_a_job_survives_the_death_of_a_process(looped: Running, victim: str) -> None:
    backend = BridgeService(looped.url, looped.token).backend("loop_five")
    job = slow_job(backend)
    until(lambda: job.status() == "RUNNING")
    dead = find(looped, victim)
    os.kill(dead, signal.SIGKILL)
    result = job.result(timeout=100)
    assert [pub.data.meas.num_shots for pub in result] == [10] * 6
    assert find(looped, victim) != dead
    assert result.metadata["qpu_bridge"]["attempt"] == (2 if victim == "runner" else 1)


def test_everything_goes_when_the_bridge_is_told_to_stop() -> None:
    with serving(RACK) as running:
        found = children(running.process.pid)
        assert find(running, "runner") != find(running, "driver")
        address, last = running.folder / "data" / "address", find(running, "api")
        # it cannot leave, and so nobody else does, before we have looked
        os.kill(last, signal.SIGSTOP)
        running.process.terminate()
        until(lambda: not address.exists())
        assert any(_alive(pid) for pid, _ in found), "without its address before it has left, whoever starts now is refused"
        os.kill(last, signal.SIGCONT)
        with only_bridge(address.parent, 60):
            until(lambda: not any(_alive(pid) for pid, _ in found))
        assert running.process.wait(60) == 0
        assert not address.exists()


def test_everything_goes_when_the_bridge_is_killed() -> None:
    with serving(RACK) as running:
        found = children(running.process.pid)
        running.process.kill()
        running.process.wait()
        until(lambda: not any(_alive(pid) for pid, _ in found))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("device", "says"),
    [('driver = "teapot"', "emulator, loopback"), ('driver = "loopback"\noptions = { colour = "blue" }', "colour")],
)
def test_settings_that_cannot_work_end_the_bridge_at_once(tmp_path: Path, device: str, says: str) -> None:
    rack = tmp_path / "rack.toml"
    rack.write_text(f'[bridge]\nport = 0\ndata_dir = "d"\n[devices.lab_one]\n{device}\n')
    command = [sys.executable, "-m", "qpu_bridge.cli", "serve", "--rack", str(rack)]
    # far from how long a bridge waits for its drivers
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == os.EX_CONFIG
    assert says in done.stderr


def test_a_bridge_that_greets_has_its_devices(greeted: tuple[Running, list[str]]) -> None:
    """What it imports after that may take long; nobody must be told meanwhile that a device has no runner."""
    assert greeted[1] == ["emu_five", "loop_five"]
