"""A hundred jobs of one circuit through the real client, beside its local testing mode: `pytest benchmarks/test_burst.py`."""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qpu_bridge import BridgeService
from tests.flow.conftest import serving

pytestmark = pytest.mark.filterwarnings("default")

JOBS, SHOTS = 100, 1024
RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.emu_five]
driver = "emulator"
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[Any]:
    with serving(RACK) as running:
        yield BridgeService(running.url, running.token).backend("emu_five")


def circuits(backend: Any) -> list[QuantumCircuit]:
    """A hundred different circuits of five qubits."""
    made = []
    for number in range(JOBS):
        circuit = QuantumCircuit(5)
        for qubit in range(5):
            circuit.ry(0.1 + 0.01 * number + qubit, qubit)
        for qubit in range(4):
            circuit.cx(qubit, qubit + 1)
        circuit.measure_all()
        made.append(circuit)
    passes = generate_preset_pass_manager(1, backend, seed_transpiler=1, initial_layout=range(5))
    return list(passes.run(made))


def burst(backend: Any, made: list[QuantumCircuit]) -> float:
    """Seconds from the first run() to the last result()."""
    sampler = SamplerV2(backend)
    started = time.perf_counter()
    jobs = [sampler.run([circuit], shots=SHOTS) for circuit in made]
    for job in jobs:
        assert job.result()[0].data.meas.num_shots == SHOTS
    return time.perf_counter() - started


def test_burst(benchmark: BenchmarkFixture, backend: Any) -> None:
    """At least 8x the client's local testing mode with FakeManilaV2; both in turns."""
    ours, small = circuits(backend), FakeManilaV2()
    theirs = circuits(small)
    burst(backend, ours[:3])
    burst(small, theirs[:3])
    before = burst(backend, ours)
    local = burst(small, theirs)
    profile = cProfile.Profile()
    benchmark.pedantic(lambda: burst(backend, ours), rounds=2, iterations=1)
    mine = sorted([before, *benchmark.stats.stats.data])[1]
    profile.runcall(burst, backend, ours)
    client_s = sum(row[2] for place, row in pstats.Stats(profile).stats.items() if not _waits(place))  # type: ignore[attr-defined]
    numbers = {"burst_s": mine, "manila_s": local, "ratio": local / mine, "client_s": client_s}
    benchmark.extra_info.update(numbers)
    print({name: round(value, 3) for name, value in numbers.items()}, file=sys.stderr)
    assert local / mine >= 8


def _waits(place: tuple[str, int, str]) -> bool:
    """Whether a function does nothing but wait for somebody else."""
    return place[2] in (
        "<built-in method time.sleep>",
        "<method 'recv_into' of '_socket.socket' objects>",
        "<method 'acquire' of '_thread.lock' objects>",
    )
