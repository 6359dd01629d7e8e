"""What crosses the wire between the bridge and a driver: schedules, waveforms and rows, and nothing else of the circuit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2, SamplerV2

from qpu_bridge import BridgeService
from qpu_bridge.cli.examples.demonstration import H2, trial_state
from qpu_bridge.plugins import open_snapshot
from tests.flow.conftest import serving
from tests.flow.tap import Tap, frames
from tests.ports import neighbours

pytestmark = pytest.mark.filterwarnings(
    "ignore:The SamplerV2 class is deprecated:DeprecationWarning", "ignore:The EstimatorV2 class is deprecated:DeprecationWarning"
)

RACK = """
[bridge]
port = 0
data_dir = "data"

[devices.far_five]
driver = "emulator"
supervised = false
endpoint = "tcp://127.0.0.1:{port}"
"""


@pytest.fixture(scope="module")
def tapped() -> Iterator[tuple[Any, Tap, Tap]]:
    """A backend whose driver was started by hand and is reached through a tap on each of its two lines."""
    near, far = neighbours(), neighbours()
    watch, work = Tap(near, far), Tap(near + 1, far + 1)
    command = [sys.executable, "-m", "qpu_bridge.cli", "driver", "emulator", "--device", "far_five"]
    driver = subprocess.Popen([*command, "--endpoint", f"tcp://127.0.0.1:{far}"])
    try:
        with serving(RACK.format(port=near)) as bridge:
            yield BridgeService(bridge.url, bridge.token).backend("far_five"), watch, work
    finally:
        driver.terminate()
        driver.wait(60)
        watch.close()
        work.close()


def test_only_pulses_cross_the_wire(tapped: tuple[Any, Tap, Tap]) -> None:
    backend, watch, work = tapped
    transpile = generate_preset_pass_manager(1, backend, seed_transpiler=5)
    circuit = QuantumCircuit(3, name="a_telling_name")
    angle = Parameter("a_telling_parameter")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.rx(angle, 2)
    circuit.cx(1, 2)
    circuit.measure_all()
    sampler = SamplerV2(backend)
    sampler.options.twirling.enable_gates = True
    counts = sampler.run([(transpile.run(circuit), [[0.3], [0.9]])], shots=256).result()[0].data.meas
    assert counts.num_shots == 256
    molecule = transpile.run(trial_state())
    EstimatorV2(backend).run([(molecule, H2.apply_layout(molecule.layout), [[0.1], [0.2]])], precision=0.1).result()

    packed = [frame for tap in (watch, work) for stream in tap.streams for frame in frames(bytes(stream))]
    everything = b"\n".join(packed)
    assert len(everything) > 10_000
    # what a circuit is stored as, or named
    for word in (b"QISKIT", b"OPENQASM", b"include", b"samplex", b"circuit", b"a_telling", b"sampler", b"estimator", b"hadamard"):
        assert word not in everything, word
    words = {word for frame in packed for word in strings(frame)}
    snapshot = open_snapshot("five")
    assert {port.name for port in snapshot.ports} <= words, "the capture must hold schedules"
    assert not words & (
        {gate.name for gate in snapshot.gates} | {"h", "cx", "measure", "reset", "barrier", "delay", "qpy", "qasm"}
    )


def strings(frame: bytes) -> Iterator[str]:
    """All strings of a frame that is a header (msgpack) or tables (text); array buffers are neither."""
    for read in (json.loads, lambda data: msgpack.unpackb(data, strict_map_key=False)):
        try:
            yield from _strings(read(frame))
        except (ValueError, msgpack.UnpackException, RecursionError):
            continue


def _strings(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from (*_strings(key), *_strings(value))
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)
