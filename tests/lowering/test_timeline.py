from __future__ import annotations

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, ASAPScheduleAnalysis

from qpu_bridge.lowering import LoweringOptions, build_target, lower
from qpu_bridge.lowering.timeline import alap, asap


def random_circuit(rng, qubits: int = 5) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits, qubits)
    for _ in range(40):
        a = int(rng.integers(qubits - 1))
        kind = int(rng.integers(7))
        if kind == 0:
            circuit.cz(a, a + 1)
        elif kind == 1:
            circuit.ecr(a + 1, a)
        elif kind == 2:
            circuit.barrier(a, a + 1)
        elif kind == 3:
            circuit.delay(4 * int(rng.integers(1, 30)), a, "dt")
        elif kind == 4:
            circuit.rz(0.1, a)
        elif kind == 5:
            circuit.measure(a, a)
        else:
            circuit.sx(a + 1)
    return circuit


@pytest.mark.parametrize(("scheduling", "analysis"), [("alap", ALAPScheduleAnalysis), ("asap", ASAPScheduleAnalysis)])
def test_starts_are_those_of_qiskit(five, rng, scheduling, analysis) -> None:
    target = build_target(five)
    for _ in range(10):
        circuit = random_circuit(rng)
        passes = PassManager([analysis(target=target)])
        passes.run(circuit)
        starts = passes.property_set["node_start_time"]
        theirs = sorted((node.op.name, tuple(circuit.find_bit(q).index for q in node.qargs), t) for node, t in starts.items())
        lowered = lower(circuit, five, None, LoweringOptions(scheduling=scheduling))
        ours = sorted((timed.name, timed.qubits, timed.start) for timed in lowered.timing)
        assert ours == theirs


def test_alap_is_asap_in_a_mirror() -> None:
    steps = [(0, (0,), 10), (0, (0, 1), 20), (0, (2,), 5), (0, (1, 2), 8), (0, (0,), 3)]
    assert asap(steps, 3, {}) == ([0, 10, 0, 30, 30], 38)
    assert alap(steps, 3, {}) == ([0, 10, 25, 30, 35], 38)


def test_a_box_holds_its_length() -> None:
    steps = [(-1, (0, 1), 0), (0, (0,), 10), (-1, (0, 1), 0), (0, (1,), 4)]
    assert asap(steps, 2, {2: (0, 50)}) == ([0, 0, 50, 50], 54)
    assert alap(steps, 2, {2: (0, 50)}) == ([0, 40, 50, 50], 54)


def test_nothing_takes_no_time() -> None:
    assert asap([], 0, {}) == ([], 0)
    assert alap([], 3, {}) == ([], 0)
