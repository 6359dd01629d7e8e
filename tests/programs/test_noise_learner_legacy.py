"""The older noise learner, with requests that the real client made and answers that it reads."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.noise_learner_v2.version_0_1 import OptionsModel, ResultsModel
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import EstimatorV2, IBMBackend
from qiskit_ibm_runtime.noise_learner import NoiseLearner

from qpu_bridge.errors import BadRequest, NotNative, TooLarge, UnsupportedOption
from qpu_bridge.programs import check, run
from qpu_bridge.programs.noise_learner.options import LEGACY
from tests.programs.client import backend as seen_by_client
from tests.programs.client import decode
from tests.proofs.stand import Stand, stand

SHORT = {"num_randomizations": 4, "shots_per_randomization": 64, "layer_pair_depths": [0, 2, 8]}


@pytest.fixture(scope="module")
def device() -> Iterator[Stand]:
    with stand() as made:
        yield made


@pytest.fixture(scope="module")
def backend(device: Stand) -> IBMBackend:
    return seen_by_client(device.context.device.snapshot, device.context.device.capabilities)


def circuit() -> QuantumCircuit:
    """One layer three times, another twice (with two gates), a third once."""
    made = QuantumCircuit(5)
    for pairs in ([(0, 1)], [(1, 2), (3, 4)], [(0, 1)], [(2, 3)], [(1, 2), (3, 4)], [(0, 1)]):
        for pair in pairs:
            made.cz(*pair)
        made.barrier()
    return made


def sent(backend: IBMBackend, circuits: list[Any], **options: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return str(NoiseLearner(backend, options=SHORT | options).run(circuits).params_json)


def answered(text: str, device: Stand) -> Any:
    check("noise-learner", text, device.context.device)
    answer = run("noise-learner", text, device.context)
    ResultsModel.model_validate_json(answer)
    return decode("noise-learner", answer)


def gates(circuit: QuantumCircuit) -> list[tuple[int, ...]]:
    return sorted(tuple(circuit.find_bit(qubit).index for qubit in item.qubits) for item in circuit.data)


def test_layers_by_how_often_they_occur(device: Stand, backend: IBMBackend) -> None:
    found = answered(sent(backend, [circuit()], max_layers_to_learn=2, twirling_strategy="active"), device)
    assert [(layer.qubits, gates(layer.circuit)) for layer in found] == [
        ([0, 1], [(0, 1)]),
        ([1, 2, 3, 4], [(0, 1), (2, 3)]),
        ([2, 3], [(0, 1)]),
    ]
    assert [None if layer.error is None else len(layer.error.rates) for layer in found] == [15, 12 + 27, None]
    assert 5e-4 < found[0].error.rates.sum() < 5e-3
    assert found.metadata["backend"] == "emu_five"
    assert found.metadata["input_options"] == SHORT | {"max_layers_to_learn": 2, "twirling_strategy": "active"}
    assert found.metadata["qpu_bridge"]["calibration_id"] == device.snapshot.calibration_id


@pytest.mark.parametrize(
    ("strategy", "qubits"),
    [
        ("active", [[0, 1], [2, 3]]),
        ("active-accum", [[0, 1], [0, 1, 2, 3]]),
        ("active-circuit", [[0, 1, 2, 3], [0, 1, 2, 3]]),
        ("all", [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]),
    ],
)
def test_twirling_strategies(strategy: str, qubits: list[list[int]], device: Stand, backend: IBMBackend) -> None:
    made = QuantumCircuit(5)
    made.cz(0, 1)
    made.barrier()
    made.cz(2, 3)
    found = answered(sent(backend, [made], twirling_strategy=strategy), device)
    assert sorted(layer.qubits for layer in found) == sorted(qubits)


def test_no_limit_pubs_and_text(device: Stand, backend: IBMBackend) -> None:
    found = answered(sent(backend, [(circuit(), "ZZZZZ")], max_layers_to_learn=None), device)
    assert all(layer.error is not None for layer in found)
    assert found.metadata["input_options"]["max_layers_to_learn"] is None
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[5] q; cz q[1], q[2];'
    assert len(answered(json.dumps({"circuits": [text], "options": SHORT}), device)) == 1
    none = answered(sent(backend, [circuit()], max_layers_to_learn=0), device)
    assert all(layer.error is None for layer in none)


def test_a_circuit_without_layers(device: Stand, backend: IBMBackend) -> None:
    made = QuantumCircuit(5)
    made.sx(0)
    assert len(answered(sent(backend, [made]), device)) == 0


def test_seeds(device: Stand, backend: IBMBackend) -> None:
    texts = [sent(backend, [circuit()], experimental={"seed": seed, "noise": {"readout": 0}}) for seed in (4, 4, 5)]
    first, again, other = (answered(text, device)[0].error.rates for text in texts)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_was_learned_goes_back_into_the_estimator(device: Stand, backend: IBMBackend) -> None:
    learned = answered(sent(backend, [circuit()], twirling_strategy="active-accum"), device)
    options = {
        "resilience": {"layer_noise_model": learned, "pec_mitigation": True},
        "twirling": {"num_randomizations": 8},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = EstimatorV2(backend, options=options).run([(circuit(), "ZZZZZ")], precision=0.1).params_json
    check("estimator", text, device.context.device)


def test_every_option_of_the_schema_is_in_the_table() -> None:
    known = {path.split(".")[0] for path in LEGACY}
    assert known == set(OptionsModel.model_fields)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"circuits": []}, BadRequest, "at least one circuit"),
        ({"circuits": [3]}, BadRequest, "QPY or OpenQASM"),
        ({"more": 1}, UnsupportedOption, "more"),
        ({"version": 3}, BadRequest, "version must be 2"),
        ({"options": {"colour": 1}}, UnsupportedOption, "colour"),
        ({"options": {"support_qiskit": False}}, UnsupportedOption, "support_qiskit"),
        ({"options": {"simulator": {"coupling_map": [[0, 1]]}}}, UnsupportedOption, "coupling_map"),
        ({"options": {"max_layers_to_learn": -1}}, BadRequest, "max_layers_to_learn"),
        ({"options": {"num_randomizations": 0}}, BadRequest, "num_randomizations"),
        ({"options": {"layer_pair_depths": []}}, BadRequest, "layer_pair_depths"),
        ({"options": {"layer_pair_depths": [3]}}, BadRequest, "two different depths"),
        ({"options": {"shots_per_randomization": 10**9}}, TooLarge, "shots"),
        ({"options": {"twirling_strategy": "some"}}, BadRequest, "twirling_strategy"),
    ],
)
def test_what_is_refused(change: dict[str, Any], error: type[Exception], words: str, device: Stand, backend: IBMBackend) -> None:
    params = json.loads(sent(backend, [circuit()])) | change
    with pytest.raises(error, match=words):
        check("noise-learner", json.dumps(params), device.context.device)


def test_circuits_that_are_not_of_the_machine(device: Stand) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[5] q; cz q[0], q[4];'
    with pytest.raises(NotNative, match="cz"):
        check("noise-learner", json.dumps({"circuits": [text], "options": {}}), device.context.device)
