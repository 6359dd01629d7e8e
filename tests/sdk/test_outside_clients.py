"""Code that was not written for us runs unchanged, on an emulated device in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime import SamplerV2

from qpu_bridge import BridgeBackend

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:qiskit_experiments"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:qiskit_experiments"),
]


@pytest.fixture(scope="module")
def backend() -> Iterator[BridgeBackend]:
    backend = BridgeBackend.emulated()
    backend.set_options(seed=11)
    yield backend
    backend.close()


def value(data: Any, name: str) -> float:
    frame = data.analysis_results(dataframe=True)
    return float(frame[frame.name == name].value.iloc[0].nominal_value)


def test_bell(backend: BridgeBackend) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    counts = backend.run(transpile(circuit, backend), shots=2000).result().get_counts()
    assert counts["00"] + counts["11"] >= 0.93 * 2000
    assert abs(counts["00"] - counts["11"]) < 300


@pytest.mark.parametrize("seed", range(6))
def test_registers_against_the_ideal(backend: BridgeBackend, seed: int) -> None:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(QuantumRegister(5), *(ClassicalRegister(n, f"r{n}") for n in (2, 1, 4)))
    ones = rng.integers(0, 2, 5)
    circuit.x([int(q) for q in np.flatnonzero(ones)])
    places = rng.permutation(7)[:5]
    circuit.measure(range(5), [int(p) for p in places])
    expected = sum(int(one) << int(place) for one, place in zip(ones, places, strict=True))
    found = backend.run(transpile(circuit, backend, optimization_level=0), shots=200, memory=True).result()
    counts = found.data(0)["counts"]
    assert int(max(counts, key=counts.get), 16) == expected
    assert counts[hex(expected)] > 150
    assert found.get_memory(0).count(max(found.get_counts(0), key=found.get_counts(0).get)) == counts[hex(expected)]


def test_iq_points_part_in_two_clouds(backend: BridgeBackend) -> None:
    off, on = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    on.x(0)
    for circuit in (off, on):
        circuit.measure(0, 0)
    single = backend.run([off, on], shots=500, meas_level=1).result()
    clouds = [single.get_memory(k)[:, 0] for k in range(2)]
    distance = abs(clouds[0].mean() - clouds[1].mean())
    assert distance > 3 * max(cloud.std() for cloud in clouds) / np.sqrt(2)
    mean = backend.run([off, on], shots=500, meas_level=1, meas_return="avg").result()
    for k in range(2):
        assert abs(mean.get_memory(k)[0] - clouds[k].mean()) < 0.2 * distance


def test_backend_sampler(backend: BridgeBackend) -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.rx(theta, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    angles = np.linspace(0, np.pi, 8).reshape(2, 4, 1)
    pub = (transpile(circuit, backend), angles)
    bits = BackendSamplerV2(backend=backend).run([pub], shots=1000).result()[0].data.meas
    ones = np.array([[bits[i, j].get_counts().get("11", 0) / 1000 for j in range(4)] for i in range(2)])
    np.testing.assert_allclose(ones, np.sin(angles[..., 0] / 2) ** 2, atol=0.08)


def test_backend_estimator(backend: BridgeBackend) -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.ry(theta, 0)
    circuit.cx(0, 1)
    isa = transpile(circuit, backend)
    plain = [SparsePauliOp("ZZ"), SparsePauliOp("XX"), SparsePauliOp("IZ")]
    observables = [[operator.apply_layout(isa.layout)] for operator in plain]
    angles = np.array([[0.4], [1.7]])
    found = BackendEstimatorV2(backend=backend).run([(isa, observables, angles)], precision=0.03).result()[0].data.evs
    ideal = [[Statevector(circuit.assign_parameters(a)).expectation_value(o).real for a in angles] for o in plain]
    np.testing.assert_allclose(found, ideal, atol=0.15)


def test_the_clients_local_mode(backend: BridgeBackend) -> None:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    found = SamplerV2(mode=backend).run([circuit], shots=300).result()[0].data.meas.get_counts()
    assert found["1"] > 270


def test_t1(backend: BridgeBackend) -> None:
    from qiskit_experiments.library import T1

    data = T1((0,), np.linspace(1e-6, 400e-6, 12), backend=backend).run(shots=1000).block_for_results()
    assert not data.errors()
    assert value(data, "T1") == pytest.approx(backend.target.qubit_properties[0].t1, rel=0.3)


def test_t1_from_iq_points(backend: BridgeBackend) -> None:
    from qiskit_experiments.library import T1

    experiment = T1((1,), np.linspace(1e-6, 400e-6, 8), backend=backend)
    experiment.set_run_options(meas_level=1, meas_return="avg", shots=500)
    data = experiment.run().block_for_results()
    assert not data.errors()


def test_t2_ramsey(backend: BridgeBackend) -> None:
    from qiskit_experiments.library import T2Ramsey

    experiment = T2Ramsey((0,), np.linspace(0, 20e-6, 25), backend=backend, osc_freq=2e5)
    data = experiment.run(shots=500).block_for_results()
    assert not data.errors()
    assert value(data, "Frequency") == pytest.approx(2e5, rel=0.05)


def test_standard_rb(backend: BridgeBackend) -> None:
    from qiskit_experiments.library import StandardRB

    experiment = StandardRB((0, 1), [1, 20, 60, 150], num_samples=3, seed=1, backend=backend)
    data = experiment.run(shots=500).block_for_results()
    assert not data.errors()
    assert 1e-4 < value(data, "EPC") < 0.02
