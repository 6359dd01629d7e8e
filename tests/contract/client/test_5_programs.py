"""Section 5: what each class of the client sends, and what it makes of the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import qiskit_ibm_runtime
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_ibm_runtime import EstimatorV2, NoiseLearnerV3, QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from samplomatic import Twirl

from tests.contract.client.conftest import CLIENT, WAIT, isa

pytestmark = [
    pytest.mark.filterwarnings("ignore:The (SamplerV2|EstimatorV2|NoiseLearner) class is deprecated"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:qiskit_ibm_runtime"),
]


@pytest.fixture(scope="module")
def swept(emu: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    return isa(emu, circuit)


def zz(circuit: QuantumCircuit) -> SparsePauliOp:
    return SparsePauliOp("ZZ").apply_layout(circuit.layout)


def correlated(counts: dict[str, int]) -> float:
    return (counts.get("00", 0) + counts.get("11", 0)) / sum(counts.values())


@pytest.mark.filterwarnings("ignore:Specifying different 'shots'")
def test_older_sampler(emu: Any, bell: QuantumCircuit) -> None:
    result = SamplerV2(emu).run([bell, (bell, None, 100)], shots=400).result(**WAIT)
    assert [pub.data.meas.num_shots for pub in result] == [400, 100]
    assert correlated(result[0].data.meas.get_counts()) > 0.9
    spans = result.metadata["execution"]["execution_spans"]
    assert spans.start < spans.stop


def test_older_sampler_with_its_options(emu: Any, bell: QuantumCircuit) -> None:
    sampler = SamplerV2(emu)
    sampler.options.default_shots = 300
    sampler.options.dynamical_decoupling.enable = True
    sampler.options.twirling.enable_gates = True
    sampler.options.twirling.enable_measure = True
    sampler.options.twirling.num_randomizations = 8
    result = sampler.run([bell]).result(**WAIT)
    assert result[0].data.meas.num_shots == 300
    assert correlated(result[0].data.meas.get_counts()) > 0.85


@pytest.mark.parametrize(("kind", "shape"), [("kerneled", (50, 2)), ("avg_kerneled", (2,))])
def test_measurement_levels(emu: Any, bell: QuantumCircuit, kind: str, shape: tuple[int, ...]) -> None:
    result = SamplerV2(emu, options={"execution": {"meas_type": kind}}).run([bell], shots=50).result(**WAIT)
    assert result[0].data.meas.shape == shape
    assert result[0].data.meas.dtype.kind == "c"


def test_dynamic_circuits(emu: Any) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    counts = SamplerV2(emu).run([isa(emu, circuit)], shots=200).result(**WAIT)[0].data.c.get_counts()
    assert counts.get("11", 0) > 170


@pytest.mark.parametrize("level", [0, 1, 2])
def test_older_estimator(emu: Any, swept: QuantumCircuit, level: int) -> None:
    values = np.array([[0.0], [np.pi]])
    estimator = EstimatorV2(emu, options={"resilience_level": level, "seed_estimator": 1})
    result = estimator.run([(swept, zz(swept), values)], precision=0.05).result(**WAIT)
    assert result[0].data.evs.shape == (2,)
    assert np.all(result[0].data.evs > 0.75)
    assert np.all(result[0].data.stds > 0)


def test_newer_sampler(emu: Any, bell: QuantumCircuit) -> None:
    module = pytest.importorskip("qiskit_ibm_runtime.executor_sampler")
    sampler = (module.Sampler if hasattr(module, "Sampler") else module.SamplerV2)(emu)
    result = sampler.run([bell], shots=400).result(**WAIT)
    assert correlated(result[0].data.meas.get_counts()) > 0.9


def test_newer_estimator(emu: Any, swept: QuantumCircuit) -> None:
    module = pytest.importorskip("qiskit_ibm_runtime.executor_estimator")
    estimator = (module.Estimator if hasattr(module, "Estimator") else module.EstimatorV2)(emu)
    result = estimator.run([(swept, zz(swept), np.array([[0.0], [np.pi]]))], precision=0.05).result(**WAIT)
    assert np.all(result[0].data.evs > 0.7)


def test_executor(emu: Any, swept: QuantumCircuit) -> None:
    from qiskit_ibm_runtime import Executor
    from qiskit_ibm_runtime.quantum_program import QuantumProgram

    circuit = swept.copy()
    circuit.measure_all()
    program = QuantumProgram(shots=64)
    program.append_circuit_item(circuit, circuit_arguments=np.linspace(0, np.pi, 5)[:, None])
    result = Executor(emu).run(program).result(**WAIT)
    (item,) = list(result)
    assert item["meas"].shape[:2] == (5, 64)
    assert item["meas"].dtype == np.bool_
    assert item["meas"][0].mean() < 0.1
    assert item["meas"][4, :, :2].mean() > 0.8


def test_noise_learner(emu: Any) -> None:
    circuit = QuantumCircuit(5)
    with circuit.box([Twirl()]):
        getattr(circuit, "cz" if "cz" in emu.target else "ecr")(0, 1)
    learner = NoiseLearnerV3(emu)
    learner.options.num_randomizations = 8
    learner.options.shots_per_randomization = 32
    learner.options.layer_pair_depths = [0, 2, 8]
    result = learner.run(list(circuit.data)).result(**WAIT)
    rates = result[0].to_pauli_lindblad_map()
    assert rates.num_qubits == 2
    assert np.all(np.abs(rates.rates) < 0.2)


def test_older_noise_learner(emu: Any, bell: QuantumCircuit) -> None:
    from qiskit_ibm_runtime import NoiseLearner

    learner = NoiseLearner(emu)
    learner.options.num_randomizations = 8
    learner.options.shots_per_randomization = 32
    learner.options.layer_pair_depths = [0, 2, 8]
    result = learner.run([bell]).result(**WAIT)
    assert len(result) == 1
    assert result[0].error.num_qubits == 2


@pytest.mark.skipif(CLIENT < (0, 51), reason="this release has no dry runs")
def test_dry_run(service: QiskitRuntimeService, emu: Any, bell: QuantumCircuit) -> None:
    result = SamplerV2(service.backend("mock_five")).run([bell], shots=20).result(**WAIT)
    assert result[0].data.meas.num_shots == 20


def test_calibrator(emu: Any) -> None:
    """Refused with a sentence until it exists."""
    calibrator = getattr(qiskit_ibm_runtime, "Calibrator", None)
    if calibrator is None:
        pytest.skip("this release has no Calibrator")
    try:
        job = calibrator(emu).run()
    except IBMRuntimeError as error:
        assert "calibrat" in str(error)  # noqa: PT017
    else:
        assert job.result(**WAIT) is not None


def test_openqasm_circuits(service: QiskitRuntimeService, emu: Any) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; x $0; c[0] = measure $0;'
    inputs = {"pubs": [[text, None, 50]], "version": 2, "support_qiskit": True}
    job = service._run(program_id="sampler", inputs=inputs, options={"backend": emu})
    assert job.result(**WAIT)[0].data.c.get_counts().get("1", 0) > 40


def test_a_circuit_that_is_not_of_the_device_is_refused(service: QiskitRuntimeService, emu: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    with pytest.raises((IBMRuntimeError, ValueError), match=r"(?i)target|\bh\b"):
        SamplerV2(emu).run([circuit], shots=10)


def test_release_is_one_that_we_support() -> None:
    assert CLIENT >= (0, 49)
