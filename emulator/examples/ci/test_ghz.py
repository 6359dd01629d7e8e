"""Tests of one's own program on an emulated QPU. The fixture `qpu_bridge` comes with qpu-bridge; nothing leaves the machine."""

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor_sampler import Sampler


def ghz(qubits):
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


@pytest.fixture(scope="module")
def backend(qpu_bridge):
    # no address, no token: the fixture has put them into the environment
    return QiskitRuntimeService().backend(qpu_bridge.device)


def run(backend, circuit, shots=1000, **experimental):
    sampler = Sampler(mode=backend)
    sampler.options.experimental = {"seed": 7} | experimental
    return sampler.run([transpile(circuit, backend, seed_transpiler=1)], shots=shots)


def test_a_ghz_state_survives_the_noise(backend):
    counts = run(backend, ghz(4)).result()[0].data.meas.get_counts()
    assert counts["0000"] + counts["1111"] > 850


def test_without_noise_it_is_perfect(backend):
    silent = dict.fromkeys(("t1", "t2", "low_frequency", "readout", "thermal"), 0)
    counts = run(backend, ghz(2), noise=silent).result()[0].data.meas.get_counts()
    assert counts.get("01", 0) + counts.get("10", 0) < 5


def test_my_program_notices_a_broken_device(backend):
    job = run(backend, ghz(2), device={"fault": "overflow"})
    with pytest.raises(Exception, match="digitizer"):
        job.result()


def test_my_program_notices_a_dead_qubit(backend):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    sampler = Sampler(mode=backend)
    sampler.options.experimental = {"device": {"fault": "dead_qubit", "fault_qubit": 0}}
    counts = sampler.run([transpile(circuit, backend, initial_layout=[0])], shots=500).result()[0].data.meas.get_counts()
    assert counts.get("1", 0) < 450
