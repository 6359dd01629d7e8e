"""What a Qblox cluster hears reaches an ordinary program in its row, shot and qubit, through a bridge in its own processes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge import BridgeService
from qpu_bridge.plugins import open_snapshot
from qpu_bridge.transport import DriverServer
from qpu_drivers.qblox.driver import QbloxDriver
from tests.drivers.qblox.oracle.injection import Heard, hearing
from tests.flow.conftest import serving
from tests.ports import neighbours

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")

LAB = Path(__file__).parents[1] / "drivers" / "qblox" / "lab.toml"
RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.lab_five]
driver = "qblox"
snapshot = "five"
supervised = false
endpoint = "tcp://127.0.0.1:{port}"
allow_simulated = true
"""
ROWS, SHOTS, QUBITS = 3, 16, 3
WRITTEN = [1, 2, 0]
"""Bit -> qubit."""


def options() -> Any:
    return tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]


@pytest.fixture(scope="module")
def backend() -> Iterator[Any]:
    """A bridge whose driver runs in this process, where a test can reach its instrument."""
    if find_spec("qblox_instruments") is None or find_spec("q1simulator") is None:
        pytest.skip("pip install 'qpu-bridge[test]'")
    given = options() | {"instrument": "simulator", "answers": "nothing"}
    driver = QbloxDriver("lab_five", open_snapshot("five", "lab_five"), given)
    port = neighbours()
    with DriverServer(driver, f"tcp://127.0.0.1:{port}"), serving(RACK.format(port=port)) as bridge:
        yield BridgeService(bridge.url, bridge.token).backend("lab_five")
    driver.close()


def circuit(backend: Any) -> QuantumCircuit:
    """Qubits in another order than bits, after a rotation by a parameter."""
    written = QuantumCircuit(QUBITS, QUBITS)
    written.rx(Parameter("angle"), 0)
    written.measure(WRITTEN, range(QUBITS))
    return generate_preset_pass_manager(0, backend, initial_layout=range(QUBITS)).run(written)


def hear(values: NDArray[np.complex128]) -> Heard:
    """Values of rows, shots and qubits; which qubit it is, its frequency says."""
    snapshot, lo = open_snapshot("five"), options()["wiring"]["r"]["lo"]
    tuned = {round(snapshot.frame(m.acquire_frame).frequency - lo): m.qubit for m in snapshot.measures}
    return lambda row, shot, site, frequency: complex(values[row, shot, tuned[round(frequency)]])


def test_bits(backend: Any, rng: np.random.Generator) -> None:
    bits = rng.integers(0, 2, (ROWS, SHOTS, QUBITS)).astype(bool)
    lines = open_snapshot("five").measures[:QUBITS]
    along = np.array([line.threshold for line in lines]) + np.where(bits, 30, -30)
    with hearing(hear(along * np.exp(1j * np.array([line.angle for line in lines])))) as programs:
        data = SamplerV2(backend).run([(circuit(backend), np.linspace(0, 3, ROWS)[:, None])], shots=SHOTS).result()[0].data.c
    assert programs
    assert np.array_equal(data.to_bool_array(order="little"), bits[..., WRITTEN])


def test_points(backend: Any) -> None:
    points = np.arange(ROWS * SHOTS * QUBITS).reshape(ROWS, SHOTS, QUBITS) * (1 - 0.25j) + 3
    sampler = SamplerV2(backend)
    sampler.options.execution.meas_type = "kerneled"
    with hearing(hear(points)) as programs:
        data = sampler.run([(circuit(backend), np.linspace(0, 3, ROWS)[:, None])], shots=SHOTS).result()[0].data.c
    assert programs
    assert np.allclose(data, points[..., WRITTEN], rtol=1e-5)
