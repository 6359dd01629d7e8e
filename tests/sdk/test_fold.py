from __future__ import annotations

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter

from qpu_bridge.sdk.fold import fold


def plain(*angles: float) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    for angle in angles:
        circuit.rz(angle, 0)
        circuit.sx(0)
    circuit.cz(0, 1)
    circuit.measure([0, 1], [1, 0])
    return circuit


def test_a_bound_sweep_becomes_one_template() -> None:
    rng = np.random.default_rng(1)
    angle = rng.uniform(-3, 3, size=(50, 13))
    angle[:, 2] = 0.5
    circuits = [plain(*row) for row in angle]
    ((template, table, members),) = fold(circuits)
    assert members == list(range(50))
    assert table is not None
    assert table.shape == (50, 12)
    for circuit, row in zip(circuits, table, strict=True):
        assert template.assign_parameters(row) == circuit


def test_other_structures_stay_apart() -> None:
    circuits = [plain(1.0), plain(1.0, 2.0), plain(3.0), plain(4.0, 5.0)]
    assert [members for _, _, members in fold(circuits)] == [[0, 2], [1, 3]]


def test_equal_circuits_are_rows_without_parameters() -> None:
    ((template, table, _),) = fold([plain(1.0)] * 3)
    assert table is not None
    assert table.shape == (3, 0)
    assert template == plain(1.0)


def test_delays_bits_and_registers_keep_circuits_apart() -> None:
    def delayed(length: int, unit: str) -> QuantumCircuit:
        circuit = QuantumCircuit(1, 1)
        circuit.delay(length, 0, unit=unit)
        return circuit

    other = QuantumCircuit(1)
    other.add_register(ClassicalRegister(1, "other"))
    circuits = [delayed(100, "dt"), delayed(200, "dt"), delayed(100, "ns"), QuantumCircuit(1, 1), other]
    assert len(fold(circuits)) == 5


def test_control_flow_stands_alone() -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rz(0.1, 0)
    assert len(fold([circuit, circuit])) == 2


def test_the_users_circuits_are_untouched() -> None:
    circuits = [plain(1.0), plain(2.0)]
    fold(circuits)
    assert circuits == [plain(1.0), plain(2.0)]
    assert not any(isinstance(step.params[0], Parameter) for step in circuits[0].data if step.params)
