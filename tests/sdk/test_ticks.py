"""Circuits travel as QPY, which forgets the unit of a delay."""

from __future__ import annotations

from io import BytesIO

from qiskit import QuantumCircuit, qpy

from qpu_bridge.sdk.ticks import in_ticks


def test_delays_survive_the_way_to_the_server() -> None:
    circuit = QuantumCircuit(1, 1)
    for length, unit in ((5, "us"), (1e-6, "s"), (101, "ns"), (40, "dt")):
        circuit.delay(length, 0, unit=unit)
    with circuit.if_test((circuit.clbits[0], 1)), circuit.box():
        circuit.delay(2, 0, unit="us")
    file = BytesIO()
    qpy.dump(in_ticks(circuit, 1e-9, 4), file)
    file.seek(0)
    (arrived,) = qpy.load(file)
    delays = [instruction.params[0] for instruction in arrived.data if instruction.name == "delay"]
    assert delays == [5000, 1000, 100, 40]
    box = arrived.data[-1].operation.blocks[0].data[0].operation
    assert box.blocks[0].data[0].params[0] == 2000


def test_a_circuit_without_them_is_left_alone() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(40, 0, unit="dt")
    assert in_ticks(circuit, 1e-9, 4) is circuit
