"""Random sequences in pulses do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from qpu_calibration import clifford


def test_one_qubit_has_24_and_each_is_what_its_pulses_make():
    group = clifford.one_qubit_group()
    assert len(group.members) == 24
    assert sum(len(turns) - 1 for turns in group.shortest) == 24
    for number, inverse in enumerate(group.inverse):
        assert group.after[number, inverse] == group.after[inverse, number] == 0


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("length", [0, 1, 17])
def test_a_sequence_of_one_qubit_ends_where_it_should(length, flipped):
    axes = clifford.one_qubit_axes(length, (3, 1))[int(flipped)]
    assert len(axes) == 2 * (length + 1)
    circuit = QuantumCircuit(1)
    for axis in axes:
        # a pulse about an axis that is turned by a phase
        circuit.rz(-axis, 0)
        circuit.sx(0)
        circuit.rz(axis, 0)
    assert abs(Operator(circuit).data[int(flipped), 0]) == pytest.approx(1)


@pytest.mark.parametrize("name", ["cz", "ecr"])
@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize("interleaved", [True, False])
def test_a_sequence_of_two_qubits_does_nothing(name, forwards, interleaved):
    circuit = QuantumCircuit(2)
    for place, turns in clifford.two_qubit_sequence(name, forwards, 6, interleaved, (1, 2)):
        if place < 0:
            circuit.append(clifford.ENTANGLERS[name], [0, 1] if forwards else [1, 0])
            continue
        circuit.rz(turns[0], place)
        for turn in turns[1:]:
            circuit.sx(place)
            circuit.rz(turn, place)
    assert abs(np.trace(Operator(circuit).data)) == pytest.approx(4)


def test_a_clifford_of_two_qubits_takes_one_and_a_half_gates_on_average():
    words = clifford.two_qubit_sequence("cz", True, 400, False, (5,))
    assert sum(place < 0 for place, _ in words) / 401 == pytest.approx(1.5, abs=0.12)
