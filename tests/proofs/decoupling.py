"""Decoupling: idle superpositions and GHZ states, pulse intervals, and pulses that neighbours play in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qpu_bridge.suppression import DecouplingOptions
from qpu_emulator import five
from tests.proofs.stand import Stand, changed, only, stand

TICKS_PER_US = 1000
PULSE = 36


def ramsey(microseconds: float, qubit: int = 2) -> QuantumCircuit:
    """A superposition that waits and is turned back to the ground state."""
    circuit = QuantumCircuit(5, 1)
    circuit.sx(qubit)
    circuit.delay(int(microseconds * TICKS_PER_US) // 4 * 4, qubit, "dt")
    circuit.rz(np.pi, qubit)
    circuit.sx(qubit)
    circuit.measure(qubit, 0)
    return circuit


def ghz(microseconds: float, qubits: int = 5) -> QuantumCircuit:
    """A GHZ state that waits and is taken apart again."""
    there = QuantumCircuit(qubits)
    h(there, 0)
    for qubit in range(qubits - 1):
        cx(there, qubit, qubit + 1)
    circuit = QuantumCircuit(qubits, qubits)
    circuit.compose(there, inplace=True)
    circuit.barrier()
    circuit.delay(int(microseconds * TICKS_PER_US) // 4 * 4, range(qubits), "dt")
    circuit.barrier()
    for qubit in reversed(range(qubits - 1)):
        cx(circuit, qubit, qubit + 1)
    h(circuit, 0)
    circuit.measure(range(qubits), range(qubits))
    return circuit


def h(circuit: QuantumCircuit, qubit: int) -> None:
    """A Hadamard gate in gates of the device."""
    circuit.rz(np.pi / 2, qubit)
    circuit.sx(qubit)
    circuit.rz(np.pi / 2, qubit)


def cx(circuit: QuantumCircuit, control: int, target: int) -> None:
    """A controlled NOT in gates of the device."""
    h(circuit, target)
    circuit.cz(control, target)
    h(circuit, target)


def sequences(stand: Stand, circuits: list[QuantumCircuit], shots: int) -> dict[str, NDArray[np.float64]]:
    """How often the ground state comes back, without decoupling and with each sequence of the options."""
    found = {"none": stand.ground(circuits, shots)}
    for name in ("XX", "XpXm", "XY4"):
        found[name] = stand.ground(circuits, shots, decoupling=DecouplingOptions(sequence_type=name))
    return found


def pulsed(pulses: int, idle_us: float, start: str, qubit: int = 2) -> QuantumCircuit:
    """A prepared state that ``pulses`` evenly spaced X pulses keep alive for a fixed time."""
    circuit = QuantumCircuit(5, 1)
    before, after = {"z": ((), ()), "x": ((np.pi / 2,), (np.pi / 2,)), "y": ((0.0,), (np.pi,))}[start]
    for angle in before:
        circuit.rz(-angle, qubit)
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
    total = int(idle_us * TICKS_PER_US)
    gap = (total - pulses * PULSE) / max(1, pulses)
    if gap < 0:
        raise ValueError(f"{pulses} pulses of {PULSE} ns do not fit into {total} ns")
    at = 0
    for number in range(pulses):
        begin = int((number + 0.5) * gap + number * PULSE) // 4 * 4
        circuit.delay(begin - at, qubit, "dt")
        circuit.x(qubit)
        at = begin + PULSE
    circuit.delay((total - at) // 4 * 4, qubit, "dt")
    for angle in after:
        circuit.rz(-angle, qubit)
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
    if start == "x":
        circuit.x(qubit)
    circuit.measure(qubit, 0)
    return circuit


def interval(counts: list[int], idle_us: float, shots: int, rotation_error: float = 0.002) -> NDArray[np.float64]:
    """Mean fidelity of three states against the number of pulses, where every pulse turns a little too far.

    The optimum lies inside (arXiv:2207.03670): few pulses leave the noise, many add up their own errors.
    """
    believed = five.snapshot()
    gates = tuple(
        gate.model_copy(
            update={
                "pulses": tuple(
                    pulse.model_copy(update={"amplitude": pulse.amplitude * (1 + rotation_error)}) for pulse in gate.pulses
                )
            }
        )
        if gate.name == "x"
        else gate
        for gate in believed.gates
    )
    truth = changed(five.device(), quasi_static=20e3, one_over_f=6e3)
    with stand(truth, believed.model_copy(update={"gates": gates})) as device:
        found = [
            device.ground([pulsed(count, idle_us, start) for count in counts], shots, settings=only(low_frequency=1, t1=1, t2=1))
            for start in ("x", "y", "z")
        ]
    return np.mean(found, axis=0)


def pair(idle_us: float, first: tuple[float, ...], second: tuple[float, ...]) -> QuantumCircuit:
    """Two coupled qubits in superpositions; X pulses centred at fractions of the idle time."""
    circuit = QuantumCircuit(5, 2)
    total = int(idle_us * TICKS_PER_US) // 8 * 8
    for qubit in (2, 3):
        circuit.sx(qubit)
    circuit.barrier(2, 3)
    for qubit, centres in ((2, first), (3, second)):
        at = 0
        for centre in centres:
            begin = min(max(0, int(centre * total - PULSE / 2) // 4 * 4), total - PULSE)
            circuit.delay(begin - at, qubit, "dt")
            circuit.x(qubit)
            at = begin + PULSE
        circuit.delay(total - at, qubit, "dt")
    circuit.barrier(2, 3)
    for qubit in (2, 3):
        circuit.rz(np.pi, qubit)
        circuit.sx(qubit)
    circuit.measure([2, 3], [0, 1])
    return circuit


def staggering(idle_us: list[float], shots: int) -> dict[str, NDArray[np.float64]]:
    """Neighbours that flip together keep their ZZ, neighbours that flip in turn lose it (arXiv:2403.05391).

    Aligned, the pair's return to its start falls as ``cos(pi zeta T / 2)**2``; staggered it stays.
    """
    with stand() as device:
        kinds = {
            "none": ((), ()),
            "aligned": ((0.25, 0.75), (0.25, 0.75)),
            "staggered": ((0.25, 0.75), (0.5, 1.0)),
        }
        return {
            name: device.ground([pair(t, *centres) for t in idle_us], shots, settings=only(zz=1))
            for name, centres in kinds.items()
        }
