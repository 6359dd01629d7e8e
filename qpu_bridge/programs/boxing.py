"""Putting the last measurement of a circuit that branches into a box: the library's own passes refuse such circuits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from qiskit import QuantumCircuit
from samplomatic import ChangeBasis, Twirl


class Boxes(Protocol):
    """What puts the operations of a circuit into annotated boxes."""

    def run(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """The boxed circuit."""


_DECIDE = frozenset({"store", "reset_2", "measure_reset"})
"""Instructions besides control flow that the library does not take."""


def decides(circuit: QuantumCircuit) -> bool:
    """Whether a circuit does something that depends on what it measured or stored, other than a plain ``reset``."""
    return any(instruction.is_control_flow() or instruction.name in _DECIDE for instruction in circuit.data)


@dataclass(frozen=True, slots=True)
class Boxing:
    """Boxes by the library, except where a circuit decides something.

    Attributes:
        library: Makes the library's boxes from its options.
        options: These options.
    """

    library: Callable[..., Boxes]
    options: dict[str, Any]

    def run(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """The boxed circuit; of one that decides something, only the measurement of all qubits at its end is in a box."""
        if not decides(circuit):
            return self.library(**self.options).run(circuit)
        last = circuit.cregs[-1]
        boxed = circuit.copy_empty_like()
        # the measurement of every qubit that the library added, with a barrier before it
        for instruction in circuit.data[: -len(last)]:
            boxed.append(instruction)
        annotations: list[Any] = [ChangeBasis(ref="basis0")]
        if self.options["measure_annotations"] == "all":
            annotations.insert(0, Twirl())
        with boxed.box(annotations):
            boxed.measure(boxed.qubits, last)
        return boxed
