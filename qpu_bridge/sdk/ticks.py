"""Delays in ticks: circuits travel as QPY, which forgets the unit of a delay."""

from __future__ import annotations

from fractions import Fraction

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Delay, ParameterExpression

from qpu_bridge.lowering.duration import UNITS, Grid
from qpu_bridge.units import Clock


def in_ticks(circuit: QuantumCircuit, dt: float, granularity: int) -> QuantumCircuit:
    """The same circuit with all delays in dt, as lowering would place them.

    Args:
        circuit: Delays in any unit.
        dt: Of the device, s.
        granularity: Delays are multiples of this many dt.
    """
    if not any(_foreign(instruction) for instruction in circuit.data):
        return circuit
    grid = Grid(Clock(Fraction(repr(dt))), granularity)
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        if _foreign(instruction):
            operation = instruction.operation
            if instruction.is_control_flow():
                operation = operation.replace_blocks([in_ticks(block, dt, granularity) for block in operation.blocks])
            else:
                seconds = Fraction(repr(float(operation.duration))) * UNITS[operation.unit]
                operation = Delay(grid.nearest(seconds), "dt")
            instruction = CircuitInstruction(operation, instruction.qubits, instruction.clbits)
        changed.append(instruction)
    return changed


def _foreign(instruction: CircuitInstruction) -> bool:
    """Whether a delay in another unit than dt is here or inside."""
    if instruction.is_control_flow():
        return any(_foreign(inner) for block in instruction.operation.blocks for inner in block.data)
    if instruction.name != "delay" or isinstance(instruction.params[0], ParameterExpression):
        return False  # a length that is a parameter is left to the service, which refuses it
    return instruction.operation.unit in UNITS
