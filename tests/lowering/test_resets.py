"""Resets: measured, flipped where needed, and where in the shot."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit_ibm_runtime.circuit import MidCircuitMeasure
from qiskit_ibm_runtime.circuit.library.mid_circuit_measure import MeasureReset, MidCircuitReset

from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.schedule import (
    NONE,
    Feature,
    Limits,
    PortLimits,
    unroll,
)
from tests.lowering.test_structure import Shot


def test_reset_measures_together_and_flips(five) -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.x([0, 1, 2])
    circuit.reset([0, 1, 2])
    circuit.measure(0, 0)
    lowered = lower(circuit, five, None)
    assert [c.returned for c in lowered.schedule.columns] == [False, False, False, True]
    assert lowered.schedule.duration == 32 + 620 + 3 * 32 + 500
    shot = Shot(lowered.schedule, np.zeros(0), {"0": iter([1, 0]), "1": iter([0]), "2": iter([1])})
    assert [len(shot.plays[f"q{q}"]) for q in range(3)] == [2, 1, 2]


def test_a_reset_that_keeps_its_bit_is_decided_by_it(five) -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.x([0, 1, 2])
    circuit.append(MeasureReset(), [0], [0])
    circuit.append(MidCircuitReset(), [1])
    circuit.append(MidCircuitMeasure(), [2], [2])
    lowered = lower(circuit, five, None)
    assert [(column.name, column.returned) for column in lowered.schedule.columns] == [
        ("c[0]", True),
        ("reset q1", False),
        ("c[2]", True),
    ]
    assert lowered.registers == {"c": (0, -1, 2)}
    shot = Shot(lowered.schedule, np.zeros(0), {"0": iter([1]), "1": iter([1]), "2": iter([1])})
    assert [len(shot.plays[f"q{q}"]) for q in range(3)] == [2, 2, 1]
    # one flip waits for the other, and the measurement that keeps its bit comes last
    assert lowered.schedule.duration == 32 + 620 + 2 * 32 + 500


def test_resets_of_one_qubit_follow_each_other(five) -> None:
    circuit = QuantumCircuit(1, 2)
    circuit.append(MeasureReset(), [0], [0])
    circuit.append(MeasureReset(), [0], [1])
    schedule = lower(circuit, five, None).schedule
    shot = Shot(schedule, np.zeros(0), {"0": iter([1, 0])})
    assert len(shot.plays["q0"]) == 1
    assert schedule.duration == 2 * (620 + 32)


def test_reset_measures_one_after_the_other_where_bits_must_not_meet(five) -> None:
    ports = tuple(PortLimits(name=port.name, kind=port.kind, dt=port.dt) for port in five.ports)
    limits = Limits(dt=five.timing.dt, ports=ports, features=frozenset(Feature), branch_latency=200, feedback_separation=252)
    circuit = QuantumCircuit(2)
    circuit.reset([0, 1])
    schedule = lower(circuit, five, limits).schedule
    together = lower(circuit, five, limits.model_copy(update={"feedback_separation": 0})).schedule
    captures = [events["start"][events["column"] != NONE] for events in (unroll(schedule).events, unroll(together).events)]
    assert np.diff(captures[0]) >= 252
    assert np.diff(captures[1]) == 0


def test_active_reset_comes_first_on_used_qubits_only(five) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.sx(2)
    circuit.measure(2, 0)
    lowered = lower(circuit, five, None, LoweringOptions(active_reset=True))
    assert [c.name for c in lowered.schedule.columns] == ["reset q2", "c[0]"]
    assert lowered.qubits == (2,)
