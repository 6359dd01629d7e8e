from __future__ import annotations

import numpy as np
from qiskit.circuit import QuantumCircuit

from qpu_bridge.lowering import lower
from qpu_bridge.suppression.pulse import adopt, pulses_of
from qpu_bridge.target import Snapshot


def test_the_calibrated_x_stands_for_itself(five) -> None:
    pulses = pulses_of(five)
    assert pulses is pulses_of(five)
    assert pulses.exists.all()
    events = pulses.events(np.array([2, 3]), np.array([100, 8]), np.array([np.pi / 2, -np.pi]))
    assert events["start"].ravel().tolist() == [100, 8]
    assert np.allclose(events["phase"].ravel(), [np.pi / 2, np.pi])
    assert np.allclose(events["amplitude"].ravel(), [0.22, 0.23])


def test_what_a_schedule_lacks_is_added_at_the_end(five) -> None:
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    schedule = lower(circuit, five, None).schedule
    pulses = pulses_of(five)
    events = pulses.events(np.array([0, 1]), np.array([0, 0]), np.zeros(2)).ravel()
    tables = adopt(schedule, pulses, events)
    assert [frame.name for frame in tables.frames] == ["c0_1", "q0", "q1"]
    assert [port.name for port in tables.ports] == ["c0_1", "d0", "d1"]
    assert [tables.frames[e["frame"]].name for e in events] == ["q0", "q1"]
    assert events["port"].tolist() == [1, 2]
    assert tables.waveforms[0] == schedule.waveforms[0]


def test_qubits_without_x_are_left_alone(five) -> None:
    gates = [gate for gate in five.gates if (gate.name, gate.qubits) != ("x", (1,))]
    qubits = [qubit.model_copy(update={"operational": qubit.index != 1}) for qubit in five.qubits]
    fields = {name: getattr(five, name) for name in type(five).model_fields}
    pulses = pulses_of(Snapshot(**(fields | {"gates": gates, "qubits": qubits})))
    assert pulses.exists.tolist() == [True, False, True, True, True]
