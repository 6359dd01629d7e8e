"""Interim results with the real client, and stopping early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import EstimatorV2, SamplerV2

from qpu_bridge import BridgeBackend, BridgeService
from qpu_bridge.errors import WrongState
from qpu_bridge.sdk.interim import FinishedRows

pytestmark = pytest.mark.filterwarnings("ignore:The (Sampler|Estimator)V2 class is deprecated:DeprecationWarning")


def sweep() -> QuantumCircuit:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    circuit.rz(angle, 0)
    circuit.sx(0)
    circuit.measure_all()
    return circuit


def slow(service: BridgeService, rows: int, row_s: float = 0.3) -> Any:
    """A sampler job whose rows take their time."""
    sampler = SamplerV2(service.backend("loop_five"))
    sampler.options.experimental = {"device": {"row_seconds": row_s}}
    return sampler.run([(sweep(), np.linspace(0, 3, rows)[:, None])], shots=50)


def test_a_sweep_is_watched_and_stopped_early(service: BridgeService) -> None:
    job = slow(service, 200)
    seen = 0
    for part in job.interim_stream():
        assert isinstance(part, FinishedRows)
        assert (part.item, part.shape, part.first_row) == (0, (200,), seen)
        assert part.bits("meas").shape == (part.rows, 50, 1)
        seen += part.rows
        if seen >= 4:
            break
    assert sum(part.rows for part in job.interim_results()) >= seen
    job.cancel()
    assert list(job.interim_stream()) == [] or job.status() == "CANCELLED"
    job.wait_for_final_state(timeout=60)
    assert job.status() == "CANCELLED"
    assert service.job(job.job_id()).interim_results() == []


def test_what_was_seen_is_what_comes_at_the_end(service: BridgeService) -> None:
    # whoever watches may have no processor for some seconds, and must see rows still
    job = slow(service, 8, 1.0)
    seen = [part.bits("meas") for part in job.interim_stream()]
    bits = np.concatenate(seen)
    result = job.result()[0].data.meas.to_bool_array()
    assert 2 <= len(bits) <= 8
    assert np.array_equal(bits, result[: len(bits)])


def test_flips_of_twirled_measurements_are_undone(service: BridgeService) -> None:
    estimator = EstimatorV2(service.backend("loop_five"))
    estimator.options.resilience_level = 1
    estimator.options.default_shots = 640
    estimator.options.experimental = {"device": {"row_seconds": 0.25}, "seed": 20261121}
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    job = estimator.run([(circuit, "Z" * 1)])
    parts = [part for part in job.interim_stream() if isinstance(part, FinishedRows)]
    turned = []
    for part in parts:
        (register,) = [name for name in part.arrays if not name.startswith("measurement_flips.")]
        flips = part.arrays[f"measurement_flips.{register}"]
        assert np.array_equal(part.bits(register), part.arrays[register] ^ flips)
        turned.append(flips)
    assert np.concatenate(turned).any()


def test_a_backend_in_this_process_has_none() -> None:
    backend = BridgeBackend.emulated()
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = backend.run(circuit, shots=5)
    with pytest.raises(WrongState, match="behind a bridge"):
        job.interim_results()
    job.result()
    backend.close()
