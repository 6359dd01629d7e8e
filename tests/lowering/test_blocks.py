from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.classical import expr, types

from qpu_bridge.lowering import lower
from qpu_bridge.schedule import Apply, Assign, Branch, Repeat, SlotKind, Straight, While, walk

CAPTURE_END, LATENCY, MEASURE = 420, 200, 500


def blocks(circuit: QuantumCircuit, snapshot):
    return lower(circuit, snapshot, None).schedule.realtime


def test_the_wait_for_a_bit_counts_what_is_played_meanwhile(five) -> None:
    for idle, length in ((0, CAPTURE_END + LATENCY), (300, MEASURE + 300)):
        circuit = QuantumCircuit(1, 1)
        circuit.measure(0, 0)
        circuit.delay(idle, 0, "dt")
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(0)
        assert blocks(circuit, five)[0].duration == length


def test_only_the_bits_that_are_read_are_waited_for(five) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.measure(0, 0)
    circuit.delay(1000, 0, "dt")
    circuit.barrier()
    circuit.measure(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    assert blocks(circuit, five)[0].duration == MEASURE + 1000 + MEASURE


def test_a_bit_measured_late_in_a_round_may_be_read_early_in_the_next(five) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(3)):
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(0)
        circuit.measure(0, 0)
    (loop,) = blocks(circuit, five)
    assert isinstance(loop, Repeat)
    assert [block.duration for block in loop.body if isinstance(block, Straight)] == [CAPTURE_END + LATENCY]


def test_a_while_loop_waits_before_it_and_in_every_round(five) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(0)
        circuit.measure(0, 0)
    before, loop = blocks(circuit, five)
    assert before.duration == CAPTURE_END + LATENCY
    assert isinstance(loop, While)
    assert loop.body[0].duration == 32 + CAPTURE_END + LATENCY
    assert loop.maximum * loop.body[0].duration <= 1e-3 / 1e-9


def test_a_store_waits_and_the_branch_on_it_does_not(five) -> None:
    circuit = QuantumCircuit(1, 1)
    kept = circuit.add_var("kept", expr.lift(False))
    circuit.measure(0, 0)
    circuit.store(kept, circuit.clbits[0])
    with circuit.if_test(kept):
        circuit.x(0)
    first, run, store, branch = blocks(circuit, five)
    assert isinstance(first, Assign)
    assert isinstance(store, Assign)
    assert isinstance(branch, Branch)
    assert run.duration == CAPTURE_END + LATENCY
    assert kept.type == types.Bool()


def test_a_phase_that_depends_on_a_parameter_is_a_value_slot(five) -> None:
    t = Parameter("t")
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rz(2 * t + 0.5, 0)
    circuit.sx(0)
    lowered = lower(circuit, five, None)
    (assign,) = [block for block in walk(lowered.schedule.realtime) if isinstance(block, Assign)]
    assert isinstance(assign.value, Apply)
    slot = next(index for index, slot in enumerate(lowered.schedule.slots) if slot.kind is SlotKind.VALUE)
    assert lowered.slot_map.bind(np.array([[0.3]])).values[0, slot] == pytest.approx(-0.6)


def test_bodies_that_turn_nothing_keep_no_phase(five) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rz(0.4, 1)
        circuit.sx(1)
        circuit.rz(-0.4, 1)
    circuit.sx(1)
    assert lower(circuit, five, None).schedule.variables == ()
