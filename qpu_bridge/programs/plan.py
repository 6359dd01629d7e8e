"""How long the device will be busy with a job, from the lengths of its gates alone: nothing is lowered for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, ForLoopOp, Qubit

from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.programs.result_size import Returned
from qpu_bridge.target import Snapshot

_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}

Lengths = Mapping[tuple[str, tuple[int, ...]], float]
"""Name and qubits -> s."""


def planned_s(
    circuits: Iterable[QuantumCircuit], items: Iterable[Returned], options: ExecuteOptions, device: DeviceView
) -> float:
    """Time from the first shot to the last, s.

    Args:
        circuits: What is played.
        items: How often: rows and shots of each circuit.
        options: For the wait between shots.
        device: Where.
    """
    lengths = _lengths(device.snapshot)
    wait_s = options.wait_s(device.snapshot)
    dt = float(device.snapshot.timing.dt)
    return sum(
        item.rows * item.shots * (length_s(circuit, lengths, dt) + wait_s) for circuit, item in zip(circuits, items, strict=True)
    )


def length_s(circuit: QuantumCircuit, lengths: Lengths, dt: float) -> float:
    """The longest path through a circuit, s: gates as early as their qubits allow.

    Of branches the longest is taken; loops with a condition are counted once, and what has no fixed length takes no time.

    Args:
        circuit: On the machine's qubits.
        lengths: Of the machine's operations.
        dt: Length of one ``dt``, s.
    """
    index = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    return _length(circuit, index, lengths, dt)


def _length(circuit: QuantumCircuit, index: Mapping[Qubit, int], lengths: Lengths, dt: float) -> float:
    free: dict[int, float] = {}
    for instruction in circuit.data:
        operation = instruction.operation
        qubits = tuple(index[qubit] for qubit in instruction.qubits)
        if isinstance(operation, ControlFlowOp):
            inner = [
                _length(block, dict(zip(block.qubits, qubits, strict=True)), lengths, dt) for block in operation.blocks if block
            ]
            times = len(list(operation.params[0])) if isinstance(operation, ForLoopOp) else 1
            length = times * max(inner, default=0.0)
        elif operation.name == "delay":
            length = _delay(operation, dt)
        else:
            length = lengths.get((operation.name, qubits), 0.0)
        end = max((free.get(qubit, 0.0) for qubit in qubits), default=0.0) + length
        free |= dict.fromkeys(qubits, end)
    return max(free.values(), default=0.0)


def _delay(operation: Any, dt: float) -> float:
    (length,) = operation.params
    try:
        return float(length) * (dt if operation.unit == "dt" else _UNITS[operation.unit])
    except (TypeError, ValueError, KeyError):
        return 0.0  # a parameter or a stretch


def _lengths(snapshot: Snapshot) -> Lengths:
    dt = float(snapshot.timing.dt)
    found = {(gate.name, gate.qubits): gate.duration * dt for gate in snapshot.gates}
    for measure in snapshot.measures:
        found |= {(name, (measure.qubit,)): measure.duration * dt for name in ("measure", "measure_2")}
        reset = snapshot.reset_duration(measure.qubit)
        if reset is not None:
            found |= {(name, (measure.qubit,)): reset * dt for name in ("reset", "reset_2", "measure_reset")}
    return found
