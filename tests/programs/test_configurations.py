"""In how many configurations a pub is played, beside the client's own preparation."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import SparsePauliOp, random_pauli_list
from qiskit_mitigation.mitigation_task import MitigationTask

from qpu_bridge.programs import configurations as module
from qpu_bridge.programs.configurations import configurations


def pub(values: tuple[int, ...], observables: tuple[int, ...], terms: int = 4, seed: int = 1) -> EstimatorPub:
    generator = np.random.default_rng(seed)
    circuit = QuantumCircuit(3)
    circuit.rx(Parameter("angle"), 0)
    made = np.empty(observables, dtype=object)
    for index in np.ndindex(observables):
        made[index] = SparsePauliOp(random_pauli_list(3, terms, seed=generator, phase=False))
    return EstimatorPub.coerce((circuit, made if observables else made[()], generator.random((*values, 1))))


@pytest.mark.parametrize(
    ("values", "observables"), [((), ()), ((5,), ()), ((), (6,)), ((5, 1), (6,)), ((4,), (4,)), ((1,), (4,)), ((2, 3), (3,))]
)
def test_it_is_what_the_client_prepares(values: tuple[int, ...], observables: tuple[int, ...]) -> None:
    asked = pub(values, observables)
    program = MitigationTask().prepare(asked.circuit, asked.observables, asked.parameter_values, None, 1, 1, True)
    (item,) = program.items
    assert item.shape == (1, configurations(asked))


def test_states_are_measured_along_their_axes() -> None:
    circuit = QuantumCircuit(2)
    assert configurations(EstimatorPub.coerce((circuit, {"0+": 1, "1-": 1, "ZX": 1}))) == 1
    assert configurations(EstimatorPub.coerce((circuit, {"0+": 1, "rX": 1, "IX": 1}))) == 2


@pytest.mark.parametrize("limit", ["MOST_TERMS", "MOST_SETS", "MOST_PAIRS"])
def test_what_would_take_long_is_a_lower_bound(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pub((5,), (5,))
    assert configurations(asked) > 5
    monkeypatch.setattr(module, limit, 0)
    assert configurations(asked) == 5
