"""The whole journey: what the emitted plays do is what the circuit says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.quantum_info import Operator

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering import LoweringOptions, check, lower
from qpu_bridge.target import Snapshot


def random_circuit(rng: np.random.Generator, qubits: int, length: int, angle: Callable[[], Any]) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    for _ in range(length):
        q = int(rng.integers(qubits))
        kind = rng.choice(["rz", "sx", "x", "rx", "cz", "rzz", "barrier", "id"])
        if kind in ("rz", "rx"):
            getattr(circuit, kind)(angle(), q)
        elif kind in ("cz", "rzz") and qubits > 1:
            a = int(rng.integers(qubits - 1))
            if kind == "cz":
                circuit.cz(a, a + 1)
            else:
                circuit.rzz(float(rng.uniform(0, np.pi / 2)), a, a + 1)
        elif kind == "barrier":
            circuit.barrier()
        elif kind in ("sx", "x", "id"):
            getattr(circuit, kind)(q)
    return circuit


@pytest.mark.parametrize("qubits", [1, 2, 3])
@pytest.mark.parametrize("scheduling", ["alap", "asap"])
def test_plays_make_the_circuit(five, played, same, rng, qubits, scheduling) -> None:
    for _ in range(15):
        circuit = random_circuit(rng, qubits, 30, lambda: float(rng.uniform(-3 * np.pi, 3 * np.pi)))
        lowered = lower(circuit, five, None, LoweringOptions(scheduling=scheduling))
        assert same(played(five, qubits).unitary(lowered), Operator(circuit).data, 2e-4)


def test_bound_slots_make_the_bound_circuit(five, played, same, rng) -> None:
    a, b = Parameter("a"), Parameter("b")
    angles = [a, b, 2 * a - b / 3 + 0.4, -a, a * b, a.sin() + b, (a + b) ** 2, 1 - a, 2 / (b + 5), abs(a), 0.7]
    for _ in range(10):
        circuit = random_circuit(rng, 2, 40, lambda: angles[rng.integers(len(angles))])
        lowered = lower(circuit, five, None)
        every = {p.name: rng.uniform(-2, 2) for p in circuit.parameters}
        bound = circuit.assign_parameters(every)
        values = [every[p.name] for p in circuit.parameters]
        assert same(played(five, 2).unitary(lowered, values), Operator(bound).data, 2e-4)
        again = lower(bound, five, None)
        assert np.array_equal(again.schedule.events["start"], lowered.schedule.events["start"])


def test_rows_are_bound_together_as_one_by_one(five, rng) -> None:
    theta = ParameterVector("t", 12)
    circuit = QuantumCircuit(3)
    for k in range(12):
        circuit.rz(theta[(5 * k) % 12] * (1 if k % 3 else 2.5), k % 3)
        circuit.sx(k % 3)
    circuit.rzz(abs(theta[0].sin()), 0, 1)
    circuit.rx(theta[1] + theta[2], 2)
    lowered = lower(circuit, five, None)
    values = rng.uniform(-3, 3, (70, 12))
    together = lowered.slot_map.bind(values).values
    for row in range(70):
        assert np.allclose(together[row], lowered.slot_map.bind(values[row : row + 1]).values[0], atol=1e-12)


def test_wide_circuits_follow_the_circuit_on_every_qubit(make_snapshot, rng) -> None:
    snapshot: Snapshot = make_snapshot(20)
    circuit = QuantumCircuit(20)
    truth = np.zeros(20)
    expected: dict[int, list[float]] = {q: [] for q in range(20)}
    for _ in range(500):
        q = int(rng.integers(20))
        angle = float(rng.uniform(-1, 1))
        circuit.rz(angle, q)
        circuit.sx(q)
        truth[q] -= angle
        expected[q].append(truth[q])
    lowered = lower(circuit, snapshot, None)
    for q in range(20):
        frame = next(i for i, f in enumerate(lowered.schedule.frames) if f.name == f"q{q}")
        phases = lowered.schedule.events["phase"][lowered.schedule.events["frame"] == frame]
        assert np.allclose(np.exp(1j * phases), np.exp(1j * np.array(expected[q])))


def test_cross_resonance_frames_follow_the_target(five) -> None:
    circuit = QuantumCircuit(2)
    circuit.rz(0.5, 0)
    circuit.rz(0.2, 1)
    circuit.ecr(1, 0)
    schedule = lower(circuit, five, None).schedule
    phases = {schedule.frames[e["frame"]].name: [] for e in schedule.events}
    for event in schedule.events:
        phases[schedule.frames[event["frame"]].name].append(float(event["phase"]))
    assert phases["q1"] == pytest.approx([-0.2])
    assert phases["q0q1"] == pytest.approx([-0.2, np.pi - 0.2])


def test_registers_name_columns(five) -> None:
    from qiskit.circuit import ClassicalRegister, QuantumRegister

    a, b = ClassicalRegister(2, "a"), ClassicalRegister(3, "b")
    circuit = QuantumCircuit(QuantumRegister(5, "q"), a, b)
    circuit.measure(4, b[2])
    circuit.measure(3, a[0])
    circuit.measure(2, b[2])
    lowered = lower(circuit, five, None)
    columns = lowered.schedule.columns
    assert [columns[c].name if c >= 0 else "" for c in lowered.registers["a"]] == ["a[0]", ""]
    assert [columns[c].name if c >= 0 else "" for c in lowered.registers["b"]] == ["", "", "b[2]"]
    assert list(lowered.registers) == ["a", "b"]
    captures = lowered.schedule.events[lowered.schedule.events["column"] == lowered.registers["b"][2]]
    assert [lowered.schedule.frames[f].name for f in captures["frame"]] == ["a2"], (
        "the qubit measured last is the one that counts"
    )
    assert [column.returned for column in columns] == [False, True, True]


def test_the_last_of_two_measurements_of_a_qubit_stays(five) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 0)
    lowered = lower(circuit, five, None)
    captures = lowered.schedule.events[lowered.schedule.events["column"] == 0]
    assert captures["start"].tolist() == [20, 552]
    assert lowered.registers == {"c": (0,)}


@pytest.mark.parametrize("level", ["classified", "kerneled", "avg_kerneled", "both"])
def test_measurement_levels(five, level) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    schedule = lower(circuit, five, None, LoweringOptions(meas_level=level)).schedule
    wanted = {"classified": ["bits"], "kerneled": ["iq"], "avg_kerneled": ["mean"], "both": ["bits", "iq"]}[level]
    assert [kind for kind in ("bits", "iq", "mean") if schedule.columns_returning(kind)] == wanted


def refusals() -> list[tuple[str, Callable[[QuantumCircuit], Any], list[str]]]:
    t = Parameter("t")
    return [
        ("gate", lambda c: c.h(2), ["instruction 1", "h on qubit 2", "sx"]),
        ("direction", lambda c: c.cx(0, 1), ["cx on qubits 0, 1"]),
        ("pair", lambda c: c.cz(0, 2), ["cz on qubits 0, 2", "qubits 0, 1"]),
        ("angle", lambda c: c.rzz(2.0, 1, 2), ["rzz", "qubits 1, 2", "2", "1.5708"]),
        ("nan", lambda c: c.rz(float("nan"), 1), ["finite", "qubit 1"]),
        ("delay", lambda c: c.delay(5, 0, "dt"), ["multiple of 4", "delay on qubit 0"]),
        ("wait", lambda c: (c.x(1), c.delay(t, 0, "s"), c.x(0)), ["delay on qubit 0", "same length"]),
    ]


@pytest.mark.parametrize(("name", "write", "words"), refusals(), ids=[r[0] for r in refusals()])
def test_refused_with_reason_gate_and_qubit(five, name, write, words) -> None:
    circuit = QuantumCircuit(5)
    circuit.x(0)
    write(circuit)
    with pytest.raises(NotNative) as caught:
        check(circuit, five)
    for word in words:
        assert word in str(caught.value)


def test_too_wide_and_too_long(five) -> None:
    with pytest.raises(TooLarge, match="5 qubits"):
        check(QuantumCircuit(6), five)
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(2, 0, "ms")
    circuit.x(0)
    with pytest.raises(TooLarge, match=r"0\.001 s"):
        check(circuit, five)


def test_broken_qubits_are_refused(five) -> None:
    broken = five.model_copy(update={"qubits": tuple(q.model_copy(update={"operational": q.index != 3}) for q in five.qubits)})
    circuit = QuantumCircuit(5)
    circuit.barrier()
    circuit.x(2)
    check(circuit, broken)
    circuit.x(3)
    with pytest.raises(NotNative, match="qubit 3"):
        check(circuit, broken)


def test_bind_names_the_row_of_an_angle_out_of_range(five) -> None:
    t = Parameter("t")
    circuit = QuantumCircuit(2)
    circuit.rzz(t, 0, 1)
    lowered = lower(circuit, five, None)
    lowered.slot_map.bind(np.array([[0.0], [np.float32(np.pi / 2)]]))
    with pytest.raises(NotNative, match="row 1, instruction 0: rzz on qubits 0, 1"):
        lowered.slot_map.bind(np.array([[0.1], [-0.1]]))


def test_a_shared_parametric_delay_is_a_duration_slot(five) -> None:
    t = Parameter("t")
    circuit = QuantumCircuit(2, 2)
    circuit.x([0, 1])
    circuit.delay(t, [0, 1], "us")
    circuit.barrier()
    circuit.x([0, 1])
    circuit.measure([0, 1], [0, 1])
    lowered = lower(circuit, five, None)
    assert [(b.duration, b.duration_slot) for b in lowered.schedule.straight_blocks()] == [(32, -1), (0, 0), (532, -1)]
    assert lowered.slot_map.bind(np.array([[0.5], [3.0]])).values[:, 0].tolist() == [500, 3000]
