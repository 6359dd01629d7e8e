"""What the bridge itself costs a wide workload: `pytest benchmarks/test_control_plane.py`.

Loopback plays nothing: what remains is parsing, drawing, lowering, packing, the wire, unpacking and the answer. The workload is
that of CLOPS (https://github.com/qiskit-community/qiskit-device-benchmarking): a hundred layers on a hundred qubits, twirled by
the server.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Filter, Store
from tests.emulator.tiling import tiled
from tests.flow.conftest import Running, serving

pytestmark = pytest.mark.filterwarnings("default")

LAYERS, SHOTS, WIDTH = 100, 100, 100
CIRCUITS = int(os.environ.get("CLOPS_CIRCUITS", "1000"))
NOISE = ("t1", "t2", "low_frequency", "zz", "readout", "readout_crosstalk", "thermal", "line", "crosstalk", "drift")
RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.loop_hundred]
driver = "loopback"
snapshot = "{wide}"

[devices.emu_five]
driver = "emulator"
options = {{ clock = "real" }}
"""


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("wide") / "hundred.json"
    tiled(WIDTH)[1].write(path)
    with serving(RACK.format(wide=path)) as running:
        yield running


@pytest.fixture
def service(bridge: Running, monkeypatch: pytest.MonkeyPatch) -> BridgeService:
    return BridgeService(bridge.url, bridge.token)


def layers(backend: Any, width: int) -> QuantumCircuit:
    """Couplings of the device, as many at once as there can be, a barrier that ends a box, and a gate on every qubit."""
    circuit = QuantumCircuit(width, width)
    edges = sorted(backend.coupling_map.get_edges())
    for layer in range(LAYERS):
        busy: set[int] = set()
        for one, two in edges[layer % 2 :] + edges[: layer % 2]:
            if max(one, two) < width and not {one, two} & busy:
                busy |= {one, two}
                circuit.cz(one, two)
        circuit.barrier()
        circuit.sx(range(width))
    circuit.barrier()
    circuit.measure(range(width), range(width))
    return circuit


def steady(spans: Any) -> float:
    """Circuits x shots per second between the end of the first chunk and the end of the last: the benchmark's own rule."""
    ordered = spans.sort()
    if len(ordered) < 2:
        return float("nan")
    size = sum(span.size for span in ordered) - ordered[0].size
    return float(size / (ordered.stop - ordered[0].stop).total_seconds())


def run(backend: Any, circuit: QuantumCircuit, circuits: int, **options: Any) -> tuple[float, Any]:
    """Seconds from run() to result(), and the result."""
    twirling = {"num_randomizations": circuits, "shots_per_randomization": SHOTS, "enable_gates": True}
    started = time.perf_counter()
    result = SamplerV2(backend, options={"twirling": twirling, **options}).run([circuit], shots=SHOTS * circuits).result()
    return time.perf_counter() - started, result


def note(benchmark: BenchmarkFixture, **numbers: float) -> None:
    benchmark.extra_info.update(numbers)
    print({name: round(value, 3) for name, value in numbers.items()}, file=sys.stderr)


def test_control_plane(benchmark: BenchmarkFixture, service: BridgeService) -> None:
    """At least 400,000 layers per second, from run() to result(), at width 100."""
    backend = service.backend("loop_hundred")
    circuit = layers(backend, WIDTH)
    run(backend, circuit, 10)
    seconds, result = benchmark.pedantic(lambda: run(backend, circuit, CIRCUITS), rounds=1, iterations=1)
    whole = LAYERS * SHOTS * CIRCUITS / seconds
    note(benchmark, layers_per_s=whole, steady=LAYERS * steady(result.metadata["execution"]["execution_spans"]), seconds=seconds)
    assert whole >= 400_000


def test_open_clops(benchmark: BenchmarkFixture, bridge: Running, service: BridgeService) -> None:
    """The open benchmark, unmodified: `pip install git+https://github.com/qiskit-community/qiskit-device-benchmarking`."""
    clops = pytest.importorskip("qiskit_device_benchmarking.clops.clops_benchmark")
    found = benchmark.pedantic(
        lambda: clops.clops_benchmark(service, "loop_hundred", WIDTH, LAYERS, SHOTS, num_circuits=CIRCUITS).clops(),
        rounds=1,
        iterations=1,
    )
    note(benchmark, clops=found)
    assert found >= 400_000


def test_pipeline(benchmark: BenchmarkFixture, bridge: Running, service: BridgeService) -> None:
    """Shots x repetition period over the time from a job's start to its stored result, in real time: at least 0.85.

    Without noise: to simulate it takes as long as a shot and more, which no device needs.
    """
    backend = service.backend("emu_five")
    circuit = layers(backend, 5)
    told = {"execution": {"rep_delay": 5e-4}, "experimental": {"noise": dict.fromkeys(NOISE, 0)}}
    run(backend, circuit, 10, **told)
    benchmark.pedantic(lambda: run(backend, circuit, 600, **told), rounds=1, iterations=1)
    with closing(Store(bridge.store)) as store:
        job = store.page(Filter(owner=None, backend="emu_five", limit=1)).jobs[0]
    assert job.finished is not None
    assert job.running is not None
    wall_s = (job.finished - job.running).total_seconds()
    note(benchmark, device_s=job.usage_s, wall_s=wall_s, efficiency=job.usage_s / wall_s)
    assert job.usage_s / wall_s >= 0.85
