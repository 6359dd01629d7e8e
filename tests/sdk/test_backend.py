"""The backend on the smallest driver: the same seed gives the same numbers on both roads."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp

from qpu_bridge import BridgeBackend, BridgeService
from qpu_bridge.errors import BadRequest, Cancelled, NotNative, SettingsError, TooLarge, UnsupportedOption
from qpu_bridge.target import Snapshot


@pytest.fixture
def local(machine: Snapshot) -> Iterator[BridgeBackend]:
    backend = BridgeBackend(machine, driver="loopback")
    yield backend
    backend.close()


@pytest.fixture
def remote(bridge: Any) -> BridgeBackend:
    return BridgeBackend.from_service(BridgeService(bridge.url, bridge.token))


def registers() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "a"), ClassicalRegister(3, "b"))
    circuit.sx(0)
    circuit.measure([0, 1, 2], [4, 0, 2])
    return circuit


def test_it_has_a_true_target(local: BridgeBackend, remote: BridgeBackend) -> None:
    for backend in (local, remote):
        assert backend.name == "lab_three"
        assert backend.num_qubits == 3
        assert backend.dt == pytest.approx(1e-9)
        assert {"rz", "sx", "x", "rx", "cz", "rzz", "measure", "delay", "reset", "if_else"} <= set(backend.operation_names)
        assert backend.target["cz"][(0, 1)].duration == pytest.approx(64e-9)
        assert backend.meas_map == [[0, 1, 2]]
        assert set(backend.coupling_map.get_edges()) == {(0, 1), (1, 2)}


def test_both_roads_lead_to_the_same_device(local: BridgeBackend, remote: BridgeBackend) -> None:
    options: dict[str, Any] = {"shots": 50, "memory": True, "seed": 7}
    here, there = (backend.run(registers(), **options).result() for backend in (local, remote))
    assert here.get_counts() == there.get_counts()
    assert here.get_memory() == there.get_memory()
    assert sum(here.get_counts().values()) == 50
    # nothing is measured into the two other bits
    assert not any(int(word, 16) & 0b01010 for word in here.data(0)["memory"])


@pytest.mark.parametrize("returned", ["single", "avg"])
def test_both_roads_return_iq_points(local: BridgeBackend, remote: BridgeBackend, returned: str) -> None:
    options: dict[str, Any] = {"shots": 20, "seed": 7, "meas_level": 1, "meas_return": returned}
    here, there = (backend.run(registers(), **options).result().get_memory() for backend in (local, remote))
    np.testing.assert_allclose(here, there, rtol=1e-6)
    assert here.shape == ((20, 5) if returned == "single" else (5,))


def test_parameters_are_one_template_and_many_experiments(local: BridgeBackend) -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(theta, 0)
    circuit.measure(0, 0)
    angles = np.linspace(0, 3, 7)
    found = local.run(circuit, parameter_binds=[{theta: angles}], shots=30, seed=3, memory=True).result()
    bound = local.run([circuit.assign_parameters([a]) for a in angles], shots=30, seed=3, memory=True).result()
    assert len(found.results) == 7
    assert [found.get_memory(k) for k in range(7)] == [bound.get_memory(k) for k in range(7)]


def test_options_come_from_the_backend_and_from_the_call(local: BridgeBackend) -> None:
    local.options.shots = 12
    assert sum(local.run(registers()).result().get_counts().values()) == 12
    assert sum(local.run(registers(), shots=5).result().get_counts().values()) == 5
    with pytest.raises(UnsupportedOption, match="shotz"):
        local.run(registers(), shotz=5)


@pytest.mark.parametrize("road", ["local", "remote"])
def test_a_circuit_that_the_device_cannot_play(road: str, request: pytest.FixtureRequest) -> None:
    backend: BridgeBackend = request.getfixturevalue(road)
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with pytest.raises(Exception, match=r"\bh\b") as caught:
        backend.run(circuit).result()
    assert road == "remote" or isinstance(caught.value, NotNative)


def test_what_cannot_run_is_refused_at_once(local: BridgeBackend) -> None:
    with pytest.raises(UnsupportedOption, match="row_seconds"):
        local.run(registers(), settings={"colour": 1})
    with pytest.raises(BadRequest, match="rep_delay"):
        local.run(registers(), rep_delay=1.0)
    with pytest.raises(TooLarge, match="shots"):
        local.run(registers(), shots=10**9)


def test_a_job_has_a_life(local: BridgeBackend) -> None:
    job = local.run(registers(), shots=10)
    assert job.backend() is local
    job.wait_for_final_state(timeout=60, wait=0.01)
    assert job.status() is JobStatus.DONE
    assert job.result().job_id == job.job_id()
    slow = local.run(registers(), shots=10, settings={"row_seconds": 60})
    waiting = local.run(registers(), shots=10)
    assert waiting.cancel()
    assert waiting.status() is JobStatus.CANCELLED
    assert slow.cancel()
    with pytest.raises(Cancelled):
        slow.result(timeout=60)
    with pytest.raises(Cancelled):
        waiting.result()
    assert slow.status() is JobStatus.CANCELLED


def test_a_job_of_a_service_can_be_cancelled(remote: BridgeBackend) -> None:
    slow = remote.run(registers(), shots=10, settings={"row_seconds": 60})
    assert slow.cancel()
    with pytest.raises(Cancelled):
        slow.result(timeout=60)
    assert slow.status() is JobStatus.CANCELLED


def test_delays_of_any_unit(local: BridgeBackend) -> None:
    circuit = QuantumCircuit(1, 1)
    for length, unit in ((1e-6, "s"), (1.0, "us"), (100, "ns"), (40, "dt")):
        circuit.delay(length, 0, unit=unit)
    circuit.measure(0, 0)
    assert local.run(transpile(circuit, local), shots=3).result().success


def test_others_may_copy_it(local: BridgeBackend) -> None:
    assert copy.deepcopy({"backend": local})["backend"] is local


def test_what_is_not_installed_is_told(machine: Snapshot) -> None:
    with pytest.raises(SettingsError, match="driver must be one of"):
        BridgeBackend(machine, driver="abacus")
    with pytest.raises(SettingsError, match="snapshot must be a file or one of"):
        BridgeBackend("no_such_machine")


def test_qiskits_primitives(local: BridgeBackend) -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.rx(theta, 0)
    circuit.cx(0, 1)
    measured = circuit.copy()
    measured.measure_all()
    sampler = BackendSamplerV2(backend=local)
    sweep = np.linspace(0, 3, 6).reshape(2, 3, 1)
    bits = sampler.run([(transpile(measured, local), sweep)], shots=20).result()[0].data.meas
    assert bits.shape == (2, 3)
    assert bits.num_shots == 20
    isa = transpile(circuit, local)
    observable = SparsePauliOp(["ZZ", "XX"]).apply_layout(isa.layout)
    estimator = BackendEstimatorV2(backend=local)
    values = estimator.run([(isa, observable, [[0.0], [1.0]])], precision=0.1).result()[0].data.evs
    assert values.shape == (2,)
