"""The main job: an ordinary Qiskit Runtime program on an emulated device, from one process to another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager

from qpu_bridge import BridgeService
from qpu_bridge.cli.examples import demonstration
from tests.flow.conftest import Running

pytestmark = pytest.mark.filterwarnings(
    "ignore:The SamplerV2 class is deprecated:DeprecationWarning", "ignore:The EstimatorV2 class is deprecated:DeprecationWarning"
)

PROGRAM = """
import json, sys
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

service = QiskitRuntimeService()
backend = service.backend(sys.argv[1])
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
circuit.measure_all()
isa = generate_preset_pass_manager(1, backend, seed_transpiler=1).run(circuit)
print(json.dumps(SamplerV2(backend).run([isa], shots=1000).result()[0].data.meas.get_counts()))
"""


@pytest.fixture(scope="module")
def backend(service: BridgeService) -> Any:
    return service.backend("emu_five")


def isa(backend: Any, circuit: QuantumCircuit) -> QuantumCircuit:
    return generate_preset_pass_manager(2, backend, seed_transpiler=7).run(circuit)


@pytest.mark.parametrize("client_side", [False, True], ids=["SamplerV2", "executor_sampler"])
def test_bell_and_ghz_with_decoupling_and_twirling(backend: Any, client_side: bool) -> None:
    circuits = [isa(backend, demonstration.bell()), isa(backend, demonstration.ghz())]
    counts = demonstration.sample(backend, circuits, client_side=client_side)
    assert sum(counts["bell"].values()) == sum(counts["ghz"].values()) == 4096
    assert demonstration.agreement(counts["bell"]) >= 0.93
    assert demonstration.agreement(counts["ghz"]) >= 0.85
    assert 0.4 < counts["bell"]["00"] / 4096 < 0.6


def test_the_hydrogen_molecule_is_within_20_mha_and_closer_than_without_mitigation(backend: Any) -> None:
    circuit = isa(backend, demonstration.trial_state())
    mitigated, plain = (abs(demonstration.sweep(backend, circuit, level)["error_mha"]) for level in (1, 0))
    assert mitigated <= 20
    assert mitigated < plain


def test_readout_clouds_are_apart(backend: Any) -> None:
    found = demonstration.points(backend)
    assert [cloud.shape for cloud in found["clouds"]] == [(1024, 5), (1024, 5)]
    assert min(found["separation"]) > 2.5


def test_no_line_of_the_program_is_changed(bridge: Running) -> None:
    counts = json.loads(bridge.program(PROGRAM, "emu_five"))
    assert sum(counts.values()) == 1000
    assert (counts["00"] + counts["11"]) / 1000 >= 0.93


def test_the_emulator_is_replaced_by_loopback_by_one_word(bridge: Running) -> None:
    # the two tables of the rack file differ in their driver's name only
    counts = json.loads(bridge.program(PROGRAM, "loop_five"))
    assert sum(counts.values()) == 1000
    assert set(counts) == {"00", "01", "10", "11"}
