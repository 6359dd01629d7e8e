"""A layer: gates that are played at the same time on some qubits, or their measurement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qiskit import QuantumCircuit
from qiskit.circuit import BoxOp, CircuitInstruction
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford
from qiskit.transpiler import Target
from samplomatic import Tag, Twirl
from samplomatic.annotations import GroupMode
from samplomatic.utils import get_annotation, undress_box

from qpu_bridge.errors import BadRequest, NotNative


class Protocol(StrEnum):
    """How the noise of a layer is learned; the values are those of the published results."""

    LINDBLAD = "lindblad"
    TREX = "trex"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer without the one-qubit gates that dress it.

    Attributes:
        body: Its gates or measurements, on as many qubits as the layer has.
        qubits: Where they are on the machine, ascending: qubit ``j`` of ``body`` is ``qubits[j]``.
        annotations: How it is twirled (dressed on the left), and its tag.
    """

    body: QuantumCircuit
    qubits: tuple[int, ...]
    annotations: tuple[Twirl | Tag, ...]

    @property
    def protocol(self) -> Protocol:
        """How its noise is learned."""
        return Protocol.TREX if self.body.num_clbits else Protocol.LINDBLAD


def read_layer(instruction: CircuitInstruction, target: Target, where: str = "layer") -> Layer:
    """Take a layer out of its box.

    Which side the box is dressed on does not matter: one-qubit gates on that side are left out, for they are merged into those
    that twirl.

    Args:
        instruction: A box with a ``Twirl`` annotation, on qubits whose index in their register is that on the machine.
        target: The machine.
        where: What to call it in errors.

    Raises:
        BadRequest: If it is no twirled box, or its noise cannot be learned.
        NotNative: If the machine does not have one of its gates.
    """
    box = instruction.operation
    if not isinstance(box, BoxOp):
        raise BadRequest("a layer must be a box", given=instruction.name, where=where)
    twirl = get_annotation(box, Twirl)
    if twirl is None:
        raise BadRequest("a layer must have a Twirl annotation: its noise is that of a twirled layer", where=where)
    if twirl.group is GroupMode.PHASE:
        raise BadRequest(
            "a layer must be twirled with a group that holds the Paulis: with less its noise is no Pauli channel",
            given=twirl.group.value,
            where=where,
        )
    if getattr(box, "duration", None) is not None:
        raise BadRequest("a layer's box must not fix its own duration", given=str(box.duration), where=where)
    places = [_place(qubit, where) for qubit in instruction.qubits]
    if len(set(places)) != len(places) or not places:
        raise BadRequest("a layer must act on different qubits of one register", given=str(places), where=where)
    body = _ascending(undress_box(box).body, places)
    qubits = tuple(sorted(places))
    _require_native(body, qubits, target, where)
    measured = [item for item in body.data if item.name == "measure"]
    if measured:
        _require_measurement(body, where)
    else:
        _require_involution(body, where)
    tag = get_annotation(box, Tag)
    plain = Twirl(group=twirl.group, decomposition=twirl.decomposition)
    return Layer(body, qubits, (plain,) if tag is None else (plain, Tag(tag.ref)))


def _place(qubit: object, where: str) -> int:
    # a request names qubits by their place in the machine's register; QPY keeps that, and puts them in any order
    index = getattr(qubit, "_index", None)
    if index is None:
        raise BadRequest("a layer's qubits must belong to the machine's register", given=str(qubit)[:80], where=where)
    return int(index)


def _ascending(body: QuantumCircuit, places: list[int]) -> QuantumCircuit:
    """The body with its qubits in the order of the machine; barriers do nothing inside of a layer."""
    ranks = [sorted(places).index(place) for place in places]
    made = QuantumCircuit(body.num_qubits, body.num_clbits)
    for item in body.data:
        if item.name != "barrier":
            qubits = [ranks[body.find_bit(qubit).index] for qubit in item.qubits]
            made.append(item.operation, qubits, [body.find_bit(bit).index for bit in item.clbits])
    return made


def _require_native(body: QuantumCircuit, qubits: tuple[int, ...], target: Target, where: str) -> None:
    for place in qubits:
        if not target.instruction_supported("measure", (place,)):
            raise NotNative("a layer must act on working qubits of the machine", given=f"qubit {place}", where=where)
    busy: set[int] = set()
    for item in body.data:
        on = tuple(body.find_bit(qubit).index for qubit in item.qubits)
        at = tuple(qubits[index] for index in on)
        if item.is_control_flow() or not target.instruction_supported(item.name, at):
            raise NotNative("a layer must be made of gates that the machine has", given=f"{item.name} on {at}", where=where)
        if busy & set(on):
            raise BadRequest("a layer must have one gate per qubit, besides those that dress it", given=f"{item.name} on {at}")
        busy |= set(on)


def _require_measurement(body: QuantumCircuit, where: str) -> None:
    names = sorted({item.name for item in body.data})
    if names != ["measure"] or len(body.data) != body.num_qubits:
        raise BadRequest(
            "a layer that measures must measure each of its qubits once, and do nothing else",
            given=f"{len(body.data)} operations ({', '.join(names)}) on {body.num_qubits} qubits",
            where=where,
        )


def _require_involution(body: QuantumCircuit, where: str) -> None:
    """Pairs of layers are learned, so a layer played twice must leave every Pauli as it was, up to its sign."""
    if body.num_clbits:
        raise BadRequest("a layer of gates must have no classical bits", given=body.num_clbits, where=where)
    try:
        clifford = Clifford(body)
    except QiskitError:
        raise BadRequest("a layer must be made of Clifford gates", given=str(dict(body.count_ops())), where=where) from None
    twice = clifford.compose(clifford)
    if not (twice.symplectic_matrix == Clifford(QuantumCircuit(body.num_qubits)).symplectic_matrix).all():
        raise BadRequest("a layer must be its own inverse, up to Paulis", given=str(dict(body.count_ops())), where=where)
