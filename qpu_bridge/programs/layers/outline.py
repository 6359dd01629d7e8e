"""The circuits of an experiment before it is planned: the same gates with any angles. Planning takes seconds, this does not."""

from __future__ import annotations

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import Measure, RXGate, RZGate, SXGate
from qiskit.transpiler import Target
from samplomatic import Twirl

from qpu_bridge.programs.layers.checks import Checks
from qpu_bridge.programs.layers.experiment import REGISTER
from qpu_bridge.programs.layers.layer import Layer, Protocol

_DRESSINGS = {
    "rzsx": (RZGate(0.0), SXGate(), RZGate(0.0), SXGate(), RZGate(0.0)),
    "rzrx": (RZGate(0.0), RXGate(0.0), RZGate(0.0)),
}
"""What twirls a qubit, by the annotation's decomposition."""

BASES = 9
"""Bases of a layer with coupled qubits; three if none are."""


def outline(layer: Layer, depth: int, checks: Checks, target: Target) -> QuantumCircuit:
    """The circuit of a depth, on all qubits of the machine."""
    bits = ClassicalRegister(len(layer.qubits), REGISTER)
    circuit = QuantumCircuit(QuantumRegister(target.num_qubits, "q"), bits)
    dressing = _DRESSINGS[next(note.decomposition.value for note in layer.annotations if isinstance(note, Twirl))]
    gates = [
        (item.operation, [layer.qubits[layer.body.find_bit(qubit).index] for qubit in item.qubits])
        for item in layer.body.data
        if item.name != "measure"
    ]
    for _ in range(2 * depth):
        _dress(circuit, layer, dressing)
        for gate, qubits in gates:
            circuit.append(gate, qubits)
        circuit.barrier(layer.qubits)
    _dress(circuit, layer, dressing)
    for bit, qubit in enumerate(layer.qubits):
        circuit.append(Measure(), [qubit], [bit])
    circuit.barrier(layer.qubits)
    passes = checks.passes(target)
    return circuit if passes is None else passes.run(circuit)


def bases(layer: Layer, target: Target) -> int:
    """How many bases show all Paulis of a layer, at least."""
    if layer.protocol is Protocol.TREX:
        return 1
    inside = set(layer.qubits)
    return BASES if any(inside.issuperset(edge) for edge in target.build_coupling_map().get_edges()) else 3


def _dress(circuit: QuantumCircuit, layer: Layer, dressing: tuple[RZGate | SXGate | RXGate, ...]) -> None:
    circuit.barrier(layer.qubits)
    for qubit in layer.qubits:
        for gate in dressing:
            circuit.append(gate, [qubit])
    circuit.barrier(layer.qubits)
