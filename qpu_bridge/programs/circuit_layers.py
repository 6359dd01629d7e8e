"""The layers of two-qubit gates in a job's circuits, as mitigation boxes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.circuit import BoxOp, CircuitInstruction, ParameterExpression, QuantumRegister
from samplomatic import InjectNoise, Twirl
from samplomatic.utils import get_annotation, undress_box

Gate: TypeAlias = tuple[str, tuple[str, ...], tuple[int, ...]]
"""Name, parameters to 8 digits, physical qubits (ascending where the gate does not tell them apart)."""

_SYMMETRIC = frozenset({"cz", "rzz", "swap", "iswap"})


@dataclass(frozen=True, slots=True)
class GateLayer:
    """Gates that are played together, and the qubits whose noise meanwhile counts as theirs.

    Attributes:
        gates: Those on two qubits.
        qubits: Physical qubits, ascending; qubit ``k`` of the layer's noise is the ``k``-th of them.
    """

    gates: frozenset[Gate]
    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CircuitLayers:
    """The layers of some circuits.

    Attributes:
        boxes: Name that the client's preparation gives to a layer's noise -> a box with that name.
        layers: The same name -> the layer.
        bodies: Layer -> its gates as a circuit, whose qubit ``k`` is the layer's ``k``-th.
        names: For each circuit, the names in the order in which they are played.
    """

    boxes: Mapping[str, CircuitInstruction]
    layers: Mapping[str, GateLayer]
    bodies: Mapping[GateLayer, QuantumCircuit]
    names: Sequence[Sequence[str]]

    def by_weight(self) -> list[GateLayer]:
        """All layers, those first that occur most often, among equals those with most gates."""
        count = Counter(self.layers[name] for names in self.names for name in names)
        return sorted(count, key=lambda layer: (-count[layer], -len(layer.gates), layer.qubits, sorted(layer.gates)))

    def to_learn(self, layer: GateLayer, width: int) -> CircuitInstruction:
        """A layer as the learning of noise takes it: a twirled box on qubits of a machine of that width."""
        name = next(name for name, known in self.layers.items() if known == layer)
        twirl = get_annotation(self.boxes[name].operation, Twirl)
        plain = Twirl(group=twirl.group, decomposition=twirl.decomposition)
        register = QuantumRegister(width, "q")
        return CircuitInstruction(BoxOp(self.bodies[layer], annotations=[plain]), [register[qubit] for qubit in layer.qubits])


def find_layers(circuits: Iterable[QuantumCircuit], box: Callable[[QuantumCircuit], QuantumCircuit]) -> CircuitLayers:
    """The layers that get noise injected.

    Args:
        circuits: On physical qubits.
        box: Puts the operations of a circuit into annotated boxes.
    """
    boxes: dict[str, CircuitInstruction] = {}
    layers: dict[str, GateLayer] = {}
    bodies: dict[GateLayer, QuantumCircuit] = {}
    names: list[list[str]] = []
    for circuit in circuits:
        names.append([])
        boxed = box(circuit)
        for instruction in boxed.data:
            if instruction.name != "box":
                continue
            annotation = get_annotation(instruction.operation, InjectNoise)
            if annotation is not None:
                names[-1].append(annotation.ref)
                if annotation.ref not in boxes:
                    physical = [boxed.find_bit(qubit).index for qubit in instruction.qubits]
                    layer, body = _layer(undress_box(instruction.operation).body, physical)
                    boxes[annotation.ref] = instruction
                    layers[annotation.ref] = layer
                    bodies.setdefault(layer, body)
    return CircuitLayers(boxes, layers, bodies, names)


def gates_of(circuit: QuantumCircuit, qubits: Sequence[int]) -> frozenset[Gate]:
    """The gates of a circuit on two qubits; ``qubits`` are the physical ones of the circuit's."""
    found = set()
    for instruction in circuit.data:
        if len(instruction.qubits) == 2 and instruction.operation.name != "barrier":
            where = tuple(qubits[circuit.find_bit(qubit).index] for qubit in instruction.qubits)
            name = instruction.operation.name
            parameters = tuple(_spelled(value) for value in instruction.operation.params)
            found.add((name, parameters, tuple(sorted(where)) if name in _SYMMETRIC else where))
    return frozenset(found)


def _layer(content: QuantumCircuit, physical: Sequence[int]) -> tuple[GateLayer, QuantumCircuit]:
    layer = GateLayer(gates_of(content, physical), tuple(sorted(physical)))
    body = QuantumCircuit(len(physical))
    for instruction in content.data:
        if len(instruction.qubits) == 2 and instruction.operation.name != "barrier":
            where = [physical[content.find_bit(qubit).index] for qubit in instruction.qubits]
            body.append(instruction.operation, [layer.qubits.index(qubit) for qubit in where])
    return layer, body


def _spelled(value: object) -> str:
    if isinstance(value, ParameterExpression) and value.parameters:
        return str(value)
    return f"{float(value):.8f}"  # type: ignore[arg-type]  # a bound expression is a number
