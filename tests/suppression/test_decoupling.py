from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.quantum_info import Operator

from qpu_bridge.lowering import lower
from qpu_bridge.schedule import Operation, Straight
from qpu_bridge.suppression import DecouplingOptions, decouple


def waiting(idle: int = 1000) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"))
    circuit.sx([0, 1])
    circuit.rz(0.4, 0)
    circuit.barrier()
    circuit.delay(idle, 0, "dt")
    circuit.barrier()
    circuit.sx([0, 1])
    circuit.measure([0, 1], [0, 1])
    return circuit


def pulses(schedule, qubit: int, block: Straight | None = None) -> list[tuple[int, float]]:
    events = schedule.events if block is None else schedule.events[block.first : block.last]
    name = f"q{qubit}"
    return [
        (int(e["start"]), round(float(e["phase"]) / (np.pi / 2), 6))
        for e in events
        if schedule.frames[e["frame"]].name == name and e["operation"] == Operation.PLAY
    ]


@pytest.mark.parametrize(("sequence", "phases"), [("XX", [0, 0]), ("XpXm", [0, 2]), ("XY4", [0, 1, 2, -1])])
def test_sequences(five, sequence, phases) -> None:
    lowered = lower(waiting(), five, None)
    schedule = decouple(lowered.schedule, lowered.occupancy, five, DecouplingOptions(sequence_type=sequence))
    inserted = pulses(schedule, 1)[1:-1]
    assert [phase for _, phase in inserted] == phases
    starts = [start for start, _ in inserted]
    slack = 1000 - 32 * len(phases)
    assert starts[0] - 32 == slack // (2 * len(phases)) // 4 * 4
    assert [s - 32 for s in starts] == [1000 - 32 - (s - 32) for s in starts[::-1]]
    assert schedule.duration == lowered.schedule.duration
    assert schedule.slots == lowered.schedule.slots
    assert schedule.columns == lowered.schedule.columns


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
def test_the_circuit_stays_the_same(five, played, same, rng, sequence) -> None:
    for _ in range(10):
        circuit = QuantumCircuit(3)
        for _ in range(15):
            q = int(rng.integers(3))
            circuit.rz(float(rng.uniform(-3, 3)), q)
            circuit.sx(q)
            if rng.integers(2):
                circuit.delay(4 * int(rng.integers(100)), q, "dt")
            if rng.integers(2):
                circuit.cz(q % 2, q % 2 + 1)
        lowered = lower(circuit, five, None)
        schedule = decouple(lowered.schedule, lowered.occupancy, five, DecouplingOptions(sequence_type=sequence))
        assert len(schedule.events) > len(lowered.schedule.events)
        bare = circuit.copy_empty_like()
        bare.data = [item for item in circuit.data if item.name != "delay"]
        from dataclasses import replace

        found = played(five, 3).unitary(replace(lowered, schedule=schedule))
        assert same(found, Operator(bare).data, 2e-4)


def test_no_pulse_overlaps_another_on_its_line(five, rng) -> None:
    circuit = QuantumCircuit(5)
    for _ in range(60):
        a = int(rng.integers(4))
        if rng.integers(2):
            circuit.ecr(a + 1, a)
        else:
            circuit.sx(a)
    lowered = lower(circuit, five, None)
    events = decouple(lowered.schedule, lowered.occupancy, five, DecouplingOptions(sequence_type="XY4")).events
    for port in np.unique(events["port"]):
        mine = events[events["port"] == port]
        assert (mine["start"][1:] >= (mine["start"] + mine["duration"])[:-1]).all()


def test_short_windows_and_finished_qubits_are_left_alone(five) -> None:
    for idle, extra in ((64, 0), (68, 2)):
        lowered = lower(waiting(idle), five, None)
        schedule = decouple(lowered.schedule, lowered.occupancy, five)
        assert len(pulses(schedule, 1)) == 2 + extra
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.sx(1)
    circuit.delay(1000, 1, "dt")
    circuit.measure(1, 1)
    lowered = lower(circuit, five, None)
    schedule = decouple(lowered.schedule, lowered.occupancy, five)
    assert pulses(schedule, 0) == []


@pytest.mark.parametrize("skip", [False, True])
def test_skip_reset_qubits(five, skip) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.delay(1000, 0, "dt")
    circuit.cz(0, 1)
    circuit.reset(1)
    circuit.delay(1000, [0, 1], "dt")
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    lowered = lower(circuit, five, None)
    schedule = decouple(lowered.schedule, lowered.occupancy, five, DecouplingOptions(skip_reset_qubits=skip))
    blocks = schedule.straight_blocks()
    assert len(pulses(schedule, 1, blocks[0])) == (0 if skip else 2), "from the start of the shot"
    assert len(pulses(schedule, 1, blocks[-1])) == (0 if skip else 2), "after the reset"
    assert len(pulses(schedule, 0, blocks[-1])) == 2, "the other qubit was not reset"
    inside = [block for block in blocks[1:-1] if pulses(schedule, 1, block)]
    assert [len(pulses(schedule, 1, block)) for block in inside] == [1], "only the flip stands inside a reset"


def test_never_across_a_branch(five) -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.sx([1, 2])
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        for _ in range(40):
            circuit.cz(0, 1)
    circuit.sx([1, 2])
    lowered = lower(circuit, five, None)
    schedule = decouple(lowered.schedule, lowered.occupancy, five)
    for block in schedule.straight_blocks():
        events = schedule.events[block.first : block.last]
        assert (events["start"] >= 0).all()
        assert (events["start"] + events["duration"] <= block.duration).all()
        count = len(pulses(schedule, 2, block))
        own = len(pulses(lowered.schedule, 2, lowered.schedule.straight_blocks()[schedule.straight_blocks().index(block)]))
        assert (count - own) % 2 == 0, "every sequence is whole inside its block"
    arms = schedule.straight_blocks()[1:3]
    assert [len(pulses(schedule, 2, arm)) for arm in arms] == [2, 2], "both arms protect the qubit that waits"


def test_qubits_without_windows_cost_nothing(five) -> None:
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    lowered = lower(circuit, five, None)
    assert decouple(lowered.schedule, lowered.occupancy, five) is lowered.schedule
    empty = lower(QuantumCircuit(2), five, None)
    assert decouple(empty.schedule, empty.occupancy, five) is empty.schedule


def test_alignment_is_kept(five) -> None:
    lowered = lower(waiting(1024), five, None)
    schedule = decouple(lowered.schedule, lowered.occupancy, five, DecouplingOptions(alignment=16))
    assert all(start % 16 == 0 for start, _ in pulses(schedule, 1))
