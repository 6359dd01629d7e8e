"""The whole stack with the real client, beside the client's own local testing mode: `pytest benchmarks/test_flow.py`.

Both sides run in this one process' time: ratios hold on any machine, times do not. The bridge runs in processes of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeManilaV2, FakeTorino

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Filter, Store
from tests.flow.conftest import Running, serving

pytestmark = pytest.mark.filterwarnings("default")

RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.emu_five]
driver = "emulator"

[devices.loop_five]
driver = "loopback"
"""


@pytest.fixture(scope="module")
def bridge() -> Iterator[Running]:
    with serving(RACK) as running:
        yield running


@pytest.fixture(scope="module")
def backend(bridge: Running) -> Any:
    return BridgeService(bridge.url, bridge.token).backend("emu_five")


def ansatz() -> QuantumCircuit:
    """Five qubits, ten parameters, two layers of entangling gates in a line."""
    circuit = QuantumCircuit(5)
    for layer in range(2):
        for qubit in range(5):
            circuit.ry(Parameter(f"t{layer}{qubit}"), qubit)
        for qubit in range(4):
            circuit.cz(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def isa(backend: Any, circuit: QuantumCircuit) -> QuantumCircuit:
    return generate_preset_pass_manager(1, backend, seed_transpiler=1, initial_layout=range(circuit.num_qubits)).run(circuit)


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Median wall time."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def sampling(backend: Any, pub: Any, shots: int) -> Callable[[], Any]:
    return lambda: SamplerV2(backend).run([pub], shots=shots).result()


def test_a_thousand_parameter_sets(benchmark: BenchmarkFixture, backend: Any) -> None:
    """1,000 parameter sets of 100 shots, from run() to result(): at least 2x FakeManilaV2 and 10x FakeTorino."""
    circuit = ansatz()
    values = np.random.default_rng(1).uniform(0, np.pi, (1000, 10))
    sampling(backend, (isa(backend, circuit), values[:2]), 100)()
    benchmark.pedantic(sampling(backend, (isa(backend, circuit), values), 100), rounds=3, iterations=1)
    ours = benchmark.stats["median"]
    small, large = FakeManilaV2(), FakeTorino()
    manila = seconds(sampling(small, (isa(small, circuit), values), 100))
    # FakeTorino takes minutes for all: a tenth of the sets, times ten, flatters it by its own fixed costs only
    torino = 10 * seconds(sampling(large, (isa(large, circuit), values[:100]), 100))
    benchmark.extra_info.update(manila_s=manila, torino_s=torino, over_manila=manila / ours, over_torino=torino / ours)
    assert manila / ours >= 2
    assert torino / ours >= 10


def test_one_warm_circuit(benchmark: BenchmarkFixture, bridge: Running, backend: Any) -> None:
    """One warm circuit, 1,024 shots: at least 5x FakeManilaV2's local mode, the client's polling excluded."""
    circuit = QuantumCircuit(5)
    circuit.h(0)
    for qubit in range(4):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    work = sampling(backend, isa(backend, circuit), 1024)
    work()
    benchmark.pedantic(work, rounds=5, iterations=1)
    small = FakeManilaV2()
    local = sampling(small, isa(small, circuit), 1024)
    local()
    manila = seconds(local, 5)
    served = statistics.median(lifetimes(bridge, "emu_five", 5))
    whole = benchmark.stats["median"]
    benchmark.extra_info.update(
        manila_s=manila, served_s=served, over_manila=manila / served, over_manila_with_polling=manila / whole
    )
    assert manila / served >= 5


def test_added_latency(benchmark: BenchmarkFixture, bridge: Running) -> None:
    """From submission to the stored result, minus the device's time: at most 50 ms in the median."""
    backend = BridgeService(bridge.url, bridge.token).backend("loop_five")
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    work = sampling(backend, circuit, 100)
    work()
    benchmark.pedantic(work, rounds=15, iterations=1)
    added = statistics.median(lifetimes(bridge, "loop_five", 15))
    benchmark.extra_info.update(added_ms=added * 1e3)
    assert added <= 0.050


def lifetimes(bridge: Running, device: str, count: int) -> list[float]:
    """From the acceptance of the latest jobs to their stored result, without device time, s. The emulator's device time is not
    a wall time, and loopback's is none: neither is taken off."""
    store = Store(bridge.store)
    page = store.page(Filter(owner=None, backend=device, limit=count))
    store.close()
    return [(job.finished - job.created).total_seconds() for job in page.jobs if job.finished is not None]
