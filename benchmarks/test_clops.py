"""Circuit layer operations per second, noisy, through the whole bridge with the real client: `pytest benchmarks/test_clops.py`.

As in Wack et al., arXiv:2110.14108, with hardware-aware layers: each layer turns every qubit by random angles and then couples
neighbours. A template is sent once, with ten sets of its angles and 100 shots each.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.fake_provider import FakeTorino

from qpu_bridge import BridgeService
from qpu_emulator.makers.chip import random
from qpu_emulator.makers.twin import make
from tests.flow.conftest import serving

pytestmark = pytest.mark.filterwarnings("default")

LAYERS, UPDATES, SHOTS = 100, 10, 100
RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.emu_{width}]
driver = "emulator"
snapshot = "{snapshot}"
options = {{ truth = "{truth}" }}
"""


def layers(width: int, count: int = LAYERS) -> QuantumCircuit:
    """Layers of random one-qubit gates and of couplings along a line, in gates of the device."""
    circuit = QuantumCircuit(width, width)
    angles = ParameterVector("a", 3 * width * count)
    used = iter(angles)
    for layer in range(count):
        for qubit in range(width):
            circuit.rz(next(used), qubit)
            circuit.sx(qubit)
            circuit.rz(next(used), qubit)
            circuit.sx(qubit)
            circuit.rz(next(used), qubit)
        for qubit in range(layer % 2, width - 1, 2):
            circuit.cz(qubit, qubit + 1)
    circuit.measure(range(width), range(width))
    return circuit


def speed(backend: Any, width: int, updates: int = UPDATES) -> float:
    """Layers per second of one job, from run() to result()."""
    circuit = layers(width)
    values = np.random.default_rng(1).uniform(-np.pi, np.pi, (updates, circuit.num_parameters))
    started = time.perf_counter()
    SamplerV2(backend).run([(circuit, values)], shots=SHOTS).result()
    return LAYERS * updates * SHOTS / (time.perf_counter() - started)


@pytest.mark.parametrize(("width", "goal"), [(5, 150_000), (10, 60_000)])
def test_noisy_layers(benchmark: BenchmarkFixture, tmp_path: Path, width: int, goal: int) -> None:
    """A job of 100 updates, so that the client's polling does not count; a row of qubits with tunable couplers."""
    made = make(random("line", width, "cz", 1), f"emu_{width}", 1, datetime.now(UTC), lambda _: None)
    made.device.write(tmp_path / "truth.json")
    made.snapshot.write(tmp_path / "snapshot.json")
    rack = RACK.format(width=width, snapshot=tmp_path / "snapshot.json", truth=tmp_path / "truth.json")
    with serving(rack) as running:
        backend = BridgeService(running.url, running.token).backend(f"emu_{width}")
        speed(backend, width)
        found = max(speed(backend, width, 100) for _ in range(2))
        small = speed(backend, width)
        benchmark.pedantic(lambda: speed(backend, width, 100), rounds=1, iterations=1)
    local = speed(FakeTorino(), width)
    numbers = {"layers_per_s": found, "of_ten_updates": small, "torino_local": local, "ratio": found / local}
    benchmark.extra_info.update(numbers)
    print({name: round(value) for name, value in numbers.items()}, file=sys.stderr)
    assert found >= goal
