"""Circuits as they arrive."""

from __future__ import annotations

from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Gate, ParameterExpression
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError

from qpu_bridge.errors import BadRequest
from qpu_bridge.programs.foreign_text import said


def from_qasm(text: str, where: str) -> QuantumCircuit:
    """Read an OpenQASM 3 circuit; its qubits are the machine's, in order.

    Raises:
        BadRequest: If it cannot be read.
    """
    try:
        circuit = qasm3.loads(text)
    except QiskitError as error:
        raise BadRequest("a circuit given as text must be OpenQASM 3", given=said(error), where=where) from None
    except Exception as error:  # the parser lets its own errors through
        raise BadRequest(
            "a circuit given as text must be OpenQASM 3", given=said(error) or type(error).__name__, where=where
        ) from error
    return with_native_gates(circuit)


def require_units(circuit: QuantumCircuit, where: str) -> None:
    """Refuse delays whose unit was lost on the way here.

    QPY does not hold the unit of a delay: 5 us arrive as 5 dt. Lengths in dt are whole numbers, all others travel as floats,
    which is how they are told apart. Where the length is a parameter, nothing tells.

    Raises:
        BadRequest: If a delay may not have been in dt.
    """
    for instruction in circuit.data:
        if instruction.name == "delay":
            length = instruction.params[0]
            if isinstance(length, float | ParameterExpression):
                raise BadRequest(
                    "a delay must be a whole number of dt: the format in which circuits travel forgets other units",
                    given=f"{length} of an unknown unit",
                    where=f"{where}, delay on qubit {circuit.find_bit(instruction.qubits[0]).index}",
                    remedy="Transpile the circuit for this backend, which turns delays into dt; bind their lengths first.",
                )
        elif instruction.is_control_flow():
            for block in instruction.operation.blocks:
                require_units(block, where)


def with_native_gates(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit, with gates that a text defined under the name of a standard gate replaced by that gate.

    OpenQASM text that a Qiskit program wrote defines ``rzz`` or ``ecr`` in the text itself; what is meant is the native gate.
    """
    if not any(_impostor(instruction) for instruction in circuit.data):
        return circuit
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks([with_native_gates(block) for block in operation.blocks])
        elif _impostor(instruction):
            operation = type(get_standard_gate_name_mapping()[operation.name])(*operation.params)
        changed.append(CircuitInstruction(operation, instruction.qubits, instruction.clbits))
    return changed


def _impostor(instruction: CircuitInstruction) -> bool:
    operation = instruction.operation
    if isinstance(operation, ControlFlowOp):
        return any(_impostor(inner) for block in operation.blocks for inner in block.data)
    if type(operation) is not Gate and type(operation).__module__ != "qiskit_qasm3_import.converter":
        return False
    standard = get_standard_gate_name_mapping().get(operation.name)
    return standard is not None and (standard.num_qubits, len(standard.params)) == (operation.num_qubits, len(operation.params))
