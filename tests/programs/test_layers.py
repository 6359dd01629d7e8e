"""Learning of layer noise: numbers that are known, through circuits that are played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.circuit.library import CZGate
from qiskit.quantum_info import Clifford, Pauli, QubitSparsePauliList
from samplomatic import Twirl

from qpu_bridge.errors import OperatorError
from qpu_bridge.lowering import build_target
from qpu_bridge.programs import ExecuteOptions
from qpu_bridge.programs.layers import Check, Checks, LearnOptions, admit_learning, learn_layers, read_layer
from qpu_bridge.programs.layers.decays import Decays, fit
from qpu_bridge.programs.layers.experiment import experiment
from qpu_bridge.programs.layers.rates import anticommuting, solve
from qpu_bridge.programs.layers.samples import Samples
from qpu_bridge.programs.plan import planned_s
from qpu_bridge.programs.result_size import returned_by
from tests.proofs.stand import Stand, only, stand

Values = NDArray[np.float64]


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


@pytest.mark.parametrize("layer", [box([0, 1, 2], [(0, 1)]), box([0, 2]), box([1, 4], measured=True)])
@pytest.mark.parametrize("checks", [Checks(), Checks(Check(), Check())])
def test_what_is_said_beforehand_is_what_is_played(layer: CircuitInstruction, checks: Checks, device: Stand) -> None:
    view = device.context.device
    target = build_target(view.snapshot)
    read = read_layer(layer, target)
    plan = experiment(read, (0, 2), 4, checks, target)
    options = LearnOptions(4, 10, (0, 2), checks)
    played = [returned_by(item.circuit, item.size(), 10) for item in plan.items]
    seconds = planned_s([item.circuit for item in plan.items], played, ExecuteOptions(), view)
    assert admit_learning([layer], options, view) == pytest.approx(seconds, rel=1e-12)
    before = device.context.execution.usage_seconds
    learn_layers([layer], options, device.context)
    assert device.context.execution.usage_seconds - before == pytest.approx(seconds, rel=0.02)


def test_one_randomization_still_has_error_bars(device: Stand) -> None:
    options = LearnOptions(1, 256, (0, 4), execute=ExecuteOptions(settings=only(t1=5, t2=5)))
    found = learn_layers([box([0, 1], [(0, 1)])], options, device.context)[0]
    assert (found.rates_std > 1e-5).all()


def test_a_qubit_that_cannot_be_read_is_said(device: Stand) -> None:
    options = LearnOptions(2, 20, (0, 1), execute=ExecuteOptions(settings=only(readout=100)))
    with pytest.raises(OperatorError, match="every Pauli"):
        learn_layers([box([0])], options, device.context)


def simulated(exponents: Values, offset: float, depths: tuple[int, ...], samples: int, shots: int, seed: int) -> Samples:
    """Randomizations of single Paulis that decay, each with its own random shots."""
    chance = np.exp(-offset - exponents[:, np.newaxis] * depths)[..., np.newaxis, np.newaxis]
    drawn = np.random.default_rng(seed).binomial(shots, (1 + chance) / 2, (len(exponents), len(depths), 1, samples))
    return Samples(2 * drawn / shots - 1, np.full(drawn.shape, float(shots)))


def test_decays_and_their_deviations() -> None:
    """Over many simulated experiments: no bias, and the stated deviation is the spread."""
    exponents, depths = np.repeat([0.001, 0.01, 0.1], 400), (0, 1, 2, 4, 16, 32)
    found = fit(simulated(exponents, 0.05, depths, 24, 64, seed=3), depths)
    off = (found.exponents - exponents) / np.sqrt((found.influence**2).sum(axis=1))
    for one in off.reshape(3, 400):
        assert abs(one.mean()) < 4 / np.sqrt(400)
        assert one.std() == pytest.approx(1, abs=0.15)
    # shots are all that spreads here, so both say the same of it
    assert np.mean((found.influence**2).sum(axis=1) * found.precision) == pytest.approx(1, abs=0.1)


def test_decays_without_noise_are_exact() -> None:
    depths = (0, 3, 7)
    values = np.exp(-0.02 - np.outer([0.0, 0.3], depths))[..., np.newaxis, np.newaxis]
    found = fit(Samples(values, np.full_like(values, 1e6)), depths)
    np.testing.assert_allclose(found.exponents, [0, 0.3], atol=1e-9)


def test_rates_of_a_known_channel() -> None:
    """Exact exponents of a cz give the rates back where the two fidelities of each pair are equal; deviations add up."""
    terms = ["".join(letters) for letters in product("IXYZ", repeat=2)][1:]
    paulis = QubitSparsePauliList.from_list(terms)
    gate = Clifford(CZGate())
    back = QubitSparsePauliList.from_list([str(Pauli(term).evolve(gate, frame="s")).lstrip("-") for term in terms])
    rates = {"IZ": 0.01, "ZI": 0.02, "ZZ": 0.003, "XI": 0.004, "XZ": 0.004}
    wanted = np.array([rates.get(term, 0.0) for term in terms])
    exponents = 2 * (anticommuting(paulis, paulis) + anticommuting(back, paulis)) @ wanted
    decays = Decays(exponents, np.ones(15), 1e-3 * np.eye(15))
    found, spread = solve(paulis, back, decays, paulis)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    drawn = np.random.default_rng(1).normal(scale=1e-3, size=(2000, 15))
    again = np.array([solve(paulis, back, replace(decays, exponents=exponents + one), paulis)[0] for one in drawn])
    # rates far from zero, which nonnegativity does not touch
    far = wanted > 0.009
    assert again[:, far].std(axis=0) == pytest.approx(spread[far], rel=0.1)
    assert (again >= 0).all()
