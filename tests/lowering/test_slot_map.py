from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit

from qpu_bridge.errors import BadRequest, CallerError
from qpu_bridge.lowering import lower
from qpu_bridge.lowering.slot_map import phase_slots
from qpu_bridge.schedule import SlotKind


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 40])
def test_states_are_running_sums(rng, rows) -> None:
    # qubit a has states of turns t0, then 2 t1 - t2, then t0; qubit b has t3, then nothing
    turns = [((0, 1.0),), ((3, 1.0),), ((1, 2.0), (2, -1.0)), (), ((0, 1.0),)]
    slots = phase_slots((0, 2, 4, 5), turns, 4)
    values = rng.normal(size=(rows, 4))
    out = np.empty((rows, 5))
    slots.fill(values, out)
    t = values.T
    assert np.allclose(out[:, 0], -t[0])
    assert np.allclose(out[:, 1], -t[3])
    assert np.allclose(out[:, 2], -t[0] - 2 * t[1] + t[2])
    assert np.allclose(out[:, 3], -t[3])
    assert np.allclose(out[:, 4], -2 * t[0] - 2 * t[1] + t[2])


def test_only_phases_that_are_played_are_slots(five) -> None:
    t = ParameterVector("t", 6)
    circuit = QuantumCircuit(2, 1)
    for k in range(3):
        circuit.rz(t[k], 0)
    circuit.sx(0)
    circuit.x(0)
    circuit.rz(t[3], 0)
    circuit.rz(t[4], 1)
    circuit.cz(0, 1)
    circuit.rz(t[5], 0)
    circuit.measure(0, 0)
    lowered = lower(circuit, five, None)
    assert [slot.kind for slot in lowered.schedule.slots] == [SlotKind.PHASE]
    assert lowered.slot_map.bind(np.arange(12.0).reshape(2, 6)).values[:, 0].tolist() == [-3.0, -21.0]


def test_columns_are_in_the_circuits_order(five) -> None:
    b, a = Parameter("b"), Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.rz(b, 0)
    circuit.sx(0)
    circuit.rz(a, 0)
    circuit.sx(0)
    assert [p.name for p in circuit.parameters] == ["a", "b"]
    assert lower(circuit, five, None).slot_map.bind(np.array([[1.0, 10.0]])).values.tolist() == [[-10.0, -11.0]]


def test_a_circuit_without_parameters_has_rows_without_slots(five) -> None:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    assert lower(circuit, five, None).slot_map.bind(np.zeros((3, 0))).values.shape == (3, 0)


def test_what_does_not_fit_is_refused(five) -> None:
    t = Parameter("t")
    circuit = QuantumCircuit(1)
    circuit.rz(1 / t, 0)
    circuit.delay(t, 0, "us")
    circuit.sx(0)
    slot_map = lower(circuit, five, None).slot_map
    with pytest.raises(BadRequest, match=r"\(rows, 1\)"):
        slot_map.bind(np.zeros((3, 2)))
    with pytest.raises(CallerError, match="row 1"):
        slot_map.bind(np.array([[1.0], [0.0]]))
    with pytest.raises(CallerError, match=r"negative.*row 1"):
        slot_map.bind(np.array([[1.0], [-1.0]]))
