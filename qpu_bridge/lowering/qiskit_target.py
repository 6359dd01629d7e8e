"""The snapshot as a Qiskit `Target`: true durations, errors, bounds."""

from __future__ import annotations

from collections import defaultdict
from math import pi

from qiskit.circuit import Delay, ForLoopOp, IfElseOp, Instruction, Measure, Parameter, Reset, Store, SwitchCaseOp, WhileLoopOp
from qiskit.circuit.library import CZGate, ECRGate, IGate, RXGate, RZGate, RZZGate, SXGate, XGate
from qiskit.providers import QubitProperties
from qiskit.transpiler import InstructionProperties, Target

from qpu_bridge.lowering.gate_table import gate_table
from qpu_bridge.target import Snapshot
from qpu_bridge.target.native import MID_CIRCUIT

_GATES = {
    "id": IGate(),
    "rz": RZGate,
    "sx": SXGate(),
    "x": XGate(),
    "rx": RXGate,
    "cz": CZGate(),
    "ecr": ECRGate(),
    "rzz": RZZGate,
}
_ANGLE = {"rz": "lambda", "rx": "theta", "rzz": "theta"}
_CONTROL = {"if_else": IfElseOp, "switch_case": SwitchCaseOp, "while_loop": WhileLoopOp, "for_loop": ForLoopOp, "store": Store}


def build_target(snapshot: Snapshot) -> Target:
    """What Qiskit's transpiler may use of the machine.

    Gates that are not operational, and operations on such qubits, are left out. ``rz`` takes no time and has no error; ``rzz`` is
    bounded by the angles that were calibrated (0 to pi/2), and so is ``rx`` where its curve does not cover a full turn.

    Args:
        snapshot: The machine.

    Returns:
        A target with durations in s, errors, coherence times, alignment, and real-time control.
    """
    dt = float(snapshot.timing.dt)
    step = snapshot.timing.granularity
    usable = [qubit.index for qubit in snapshot.qubits if qubit.operational]
    target = Target(
        description=snapshot.description or snapshot.device,
        num_qubits=len(snapshot.qubits),
        dt=dt,
        granularity=step,
        min_length=step,
        pulse_alignment=step,
        acquire_alignment=step,
        qubit_properties=[QubitProperties(t1=q.t1, t2=q.t2, frequency=q.frequency) for q in snapshot.qubits],
    )
    table = gate_table(snapshot)
    found: dict[str, dict[tuple[int, ...], InstructionProperties]] = defaultdict(dict)
    for gate in snapshot.gates:
        if gate.operational and all(qubit in usable for qubit in gate.qubits):
            found[gate.name][gate.qubits] = InstructionProperties(duration=gate.duration * dt, error=gate.error)
    for qubit in usable:
        idle = table.entries[table.code["id", (qubit,)]]
        found["id"].setdefault((qubit,), InstructionProperties(duration=idle.duration * dt, error=0.0))
    for name, places in found.items():
        operation = _GATES[name]
        if name in _ANGLE:
            target.add_instruction(operation(Parameter(_ANGLE[name])), places, name=name, angle_bounds=_bounds(snapshot, name))
        else:
            target.add_instruction(operation, places, name=name)
    measures = {(qubit,): _measure(snapshot, qubit) for qubit in usable}
    target.add_instruction(Measure(), measures)
    lengths = {qubit: snapshot.reset_duration(qubit) for qubit in usable}
    resets = {(q,): InstructionProperties(duration=length * dt) for q, length in lengths.items() if length is not None}
    target.add_instruction(Reset(), resets)
    for name, clbits in MID_CIRCUIT.items():
        target.add_instruction(Instruction(name, 1, clbits, []), measures if name == "measure_2" else resets)
    target.add_instruction(Delay(Parameter("t")), {(qubit,): None for qubit in usable})
    for name, kind in _CONTROL.items():
        target.add_instruction(kind, name=name)
    return target


def _measure(snapshot: Snapshot, qubit: int) -> InstructionProperties:
    measure = snapshot.measure(qubit)
    error = (measure.prob_meas1_prep0 + measure.prob_meas0_prep1) / 2
    return InstructionProperties(duration=measure.duration * float(snapshot.timing.dt), error=error)


def _bounds(snapshot: Snapshot, name: str) -> list[tuple[float, float]] | None:
    """Angles that every listed gate of a name can turn by, None if any."""
    table = gate_table(snapshot)
    entries = [table.entries[code] for (gate, _), code in table.code.items() if gate == name]
    low, high = max(entry.low for entry in entries), min(entry.high for entry in entries)
    if all(entry.wraps for entry in entries):
        reach = high if all(entry.mirrored for entry in entries) else min(high, -low)
        return None if reach >= pi - 1e-9 else [(-reach, reach)]
    if low == -float("inf"):
        return None
    return [(low, high)]
