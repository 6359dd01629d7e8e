"""Rows drawn in one pass are what the library would draw one point at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_mitigation import MitigationTask
from samplomatic import build
from samplomatic.transpiler import generate_boxing_pass_manager

from qpu_bridge.programs.wide_draw import WideDraw


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(3, 3)
    a, b = Parameter("a"), Parameter("b")
    made.sx(0)
    made.rz(a, 0)
    made.sx(0)
    made.cz(0, 1)
    made.sx(1)
    made.rz(a + 2 * b, 1)
    made.rx(b, 2)
    made.cz(1, 2)
    made.sx([0, 1, 2])
    made.measure([0, 1, 2], [2, 0, 1])
    return made


def boxed(**options: Any) -> tuple[QuantumCircuit, Any]:
    settings: dict[str, Any] = {"enable_gates": True, "enable_measures": True} | options
    template, samplex = build(generate_boxing_pass_manager(**settings).run(circuit()))
    return template, samplex.finalize()


def test_one_point_is_the_same_to_the_last_bit() -> None:
    _, samplex = boxed()
    arguments = samplex.inputs().make_broadcastable().bind(parameter_values=np.array([0.3, 0.7]))
    found = WideDraw(samplex, arguments, (40,)).rows(0, 40, np.random.default_rng(3))
    expected = samplex.sample({"parameter_values": [0.3, 0.7]}, num_randomizations=40, rng=np.random.default_rng(3))
    assert set(found) == set(expected)
    for name in found:
        assert np.array_equal(found[name], expected[name])


def probabilities(bound: QuantumCircuit) -> np.ndarray:
    """Of all outcomes, one axis per classical bit, bit 0 last."""
    measured = [instruction for instruction in bound.data if instruction.operation.name == "measure"]
    where = {bound.find_bit(i.clbits[0]).index: bound.find_bit(i.qubits[0]).index for i in measured}
    unitary = bound.copy()
    unitary.remove_final_measurements()
    found = Statevector(unitary).probabilities([where[bit] for bit in range(len(where))])
    return np.asarray(found).reshape((2,) * len(where))


@pytest.mark.parametrize("group", ["pauli", "local_c1"])
def test_every_row_of_a_sweep_is_its_own_circuit(group: str) -> None:
    template, samplex = boxed(twirling_group=group)
    values = np.random.default_rng(1).uniform(-3, 3, (4, 1, 2))
    arguments = samplex.inputs().make_broadcastable().bind(parameter_values=values)
    shape = (3, 4, 2)
    wide = WideDraw(samplex, arguments, shape)
    one, two = wide.rows(0, 9, np.random.default_rng(5)), wide.rows(9, 24, np.random.default_rng(6))
    drawn = {name: np.concatenate([one[name], two[name]]) for name in one}
    for row in range(24):
        point = values[np.unravel_index(row, shape)[1], 0]
        played = probabilities(template.assign_parameters(drawn["parameter_values"][row]))
        flips = drawn["measurement_flips.c"][row, 0]
        for axis, flip in enumerate(flips[::-1]):
            played = np.flip(played, axis) if flip else played
        assert np.allclose(played, probabilities(circuit().assign_parameters(point)), atol=1e-5)


def test_swept_bases_reach_their_rows() -> None:
    """What the estimator does: every configuration has its own measurement basis and its own parameters."""
    task = MitigationTask()
    body = circuit().remove_final_measurements(inplace=False)
    program = task.prepare(
        circuit=body,
        observables=ObservablesArray.coerce([[SparsePauliOp("XYZ")], [SparsePauliOp("ZZX")]]),
        parameters=BindingsArray({tuple(body.parameters): [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]}),
        broadcast_obs_and_params=True,
        custom_boxing_options={"enable_gates": True, "enable_measures": True, "measure_annotations": "all"},
        num_randomizations=4,
        shots_per_randomization=1,
    )
    item = program.items[0]
    samplex = item.samplex.finalize()
    wide = WideDraw(samplex, item.samplex_arguments, item.shape)
    count = int(np.prod(item.shape))
    drawn = wide.rows(0, count, np.random.default_rng(5))
    flips = next(name for name in drawn if name.startswith("measurement_flips"))
    for row in range(count):
        at = np.unravel_index(row, item.shape)[-len(item.samplex_arguments.shape) :]
        at = tuple(0 if size == 1 else axis for axis, size in zip(at, item.samplex_arguments.shape, strict=True))
        single = samplex.sample(item.samplex_arguments[at], num_randomizations=1, rng=np.random.default_rng(row))
        outcomes = []
        for source, index in ((drawn, row), (single, 0)):
            values, flip = source["parameter_values"][index], source[flips][index, 0]
            played = probabilities(item.circuit.assign_parameters(values))
            for axis, bit in enumerate(flip[::-1]):
                played = np.flip(played, axis) if bit else played
            outcomes.append(played)
        assert np.allclose(*outcomes, atol=1e-5)


def test_balanced_randomizations_are_left_to_the_library() -> None:
    assert WideDraw.possible(boxed()[1])
    assert not WideDraw.possible(boxed(twirling_group="balanced_pauli")[1])
