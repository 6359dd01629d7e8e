"""Dry runs through the real client: answered with the right shapes, never played, and apart from the device's own queue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import EstimatorV2, SamplerV2
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

from qpu_bridge import BridgeService
from qpu_bridge.jobs import Store
from tests.flow.conftest import Running

pytestmark = pytest.mark.filterwarnings(
    "ignore:The (Sampler|Estimator)V2 class is deprecated:DeprecationWarning",
    "ignore:The backend emu_five currently has a status of paused:UserWarning",
)


@pytest.fixture(scope="module")
def circuit(service: BridgeService) -> QuantumCircuit:
    made = QuantumCircuit(2)
    made.h(0)
    made.cx(0, 1)
    made.measure_all()
    return generate_preset_pass_manager(1, service.backend("emu_five"), initial_layout=[0, 1], seed_transpiler=1).run(made)


def test_a_paused_device_answers_dry_runs(bridge: Running, service: BridgeService, circuit: QuantumCircuit) -> None:
    store = Store(bridge.store)
    store.devices.pause("emu_five", "maintenance")
    try:
        job = SamplerV2(service.backend("emu_five")).run([(circuit, None, 1000)], dry_run=True)
        result = job.result(timeout=120)
    finally:
        store.devices.resume("emu_five")
        store.close()
    assert job.backend().name == "mock_five"
    assert result.metadata["qpu_bridge"]["driver"]["source"].startswith("a dry run")
    # not the Bell state of the emulator, but every outcome alike
    counts = result[0].data.meas.get_counts()
    assert all(150 < counts[bits] < 350 for bits in ("00", "01", "10", "11"))
    assert job.usage() == 0
    ids = [known.job_id() for known in service.jobs(limit=50)]
    assert job.job_id() not in ids


LEARNING = {"num_randomizations": 2, "layer_pair_depths": [0, 1]}
CANCELLED = {"resilience": {"pec_mitigation": True, "layer_noise_learning": LEARNING}}


@pytest.mark.parametrize(("primitive", "options"), [(Estimator, {}), (EstimatorV2, CANCELLED)])
def test_an_estimator_runs_dry(primitive: Any, options: dict[str, Any], service: BridgeService, circuit: QuantumCircuit) -> None:
    bare = circuit.remove_final_measurements(inplace=False)
    estimator = primitive(service.backend("emu_five"))
    estimator.options.update(default_shots=256, **options)
    result = estimator.run([(bare, [["IIIZZ"], ["IIIIZ"]])], dry_run=True).result(timeout=120)
    assert np.shape(result[0].data.evs) == (2, 1)


def test_settings_of_the_device_are_checked_and_change_nothing(service: BridgeService, circuit: QuantumCircuit) -> None:
    sampler = Sampler(service.backend("emu_five"))
    sampler.options.experimental = {"noise": {"t1": 2.0}, "seed": 4}
    assert sampler.run([circuit], shots=20, dry_run=True).result(timeout=120)[0].data.meas.num_shots == 20
    sampler.options.experimental = {"noise": {"gremlins": 2.0}}
    with pytest.raises(IBMRuntimeError, match="gremlins"):
        sampler.run([circuit], shots=20, dry_run=True)


def test_a_circuit_that_the_device_cannot_play_is_refused(service: BridgeService) -> None:
    foreign = QuantumCircuit(9, 1)
    foreign.measure(8, 0)
    with pytest.raises((IBMRuntimeError, ValueError), match="qubit"):
        Sampler(service.backend("mock_five")).run([foreign], shots=20)
