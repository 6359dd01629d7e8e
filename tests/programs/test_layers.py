"""Learning of layer noise: numbers that are known, through circuits that are played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from samplomatic import Twirl

from qpu_bridge.programs import ExecuteOptions
from qpu_bridge.programs.layers import LearnOptions, learn_layers
from tests.proofs.stand import Stand, only, stand


def box(
    qubits: Sequence[int], gates: Sequence[tuple[int, int]] = (), *, name: str = "cz", measured: bool = False
) -> CircuitInstruction:
    made = QuantumCircuit(5, len(qubits) if measured else 0)
    with made.box([Twirl()]):
        for pair in gates:
            getattr(made, name)(*pair)
        made.noop(*qubits)
        if measured:
            made.measure(qubits, range(len(qubits)))
    return made.data[0]


@pytest.fixture(scope="module")
def device() -> Iterator[Stand]:
    with stand() as made:
        yield made


SHORT = LearnOptions(8, 32, (0, 1, 4), execute=ExecuteOptions(settings=only()))


@pytest.mark.parametrize(
    ("layer", "terms"),
    [
        (box([2]), 3),
        (box([0, 2]), 6),
        (box([3, 2], [(2, 3)]), 15),
        (box([0, 1, 2, 3, 4], [(0, 1), (2, 3)]), 15 + 36),
        (box([4, 0, 2], measured=True), 3),
    ],
)
def test_a_machine_without_noise_has_rates_of_zero(layer: CircuitInstruction, terms: int, device: Stand) -> None:
    found = learn_layers([layer], SHORT, device.context)[0]
    assert found.generators.num_qubits == len(layer.qubits)
    assert len(found.generators) == terms
    assert len({str(term) for term in found.generators.to_sparse_list()}) == terms
    np.testing.assert_allclose(found.rates, 0, atol=2e-4)
