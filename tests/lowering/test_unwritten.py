"""What nothing measured is 0, and the device is not asked for it; what a turn before may have measured is."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.classical import expr

from qpu_bridge.lowering import lower
from qpu_bridge.lowering.unwritten import settle
from qpu_bridge.schedule import (
    Apply,
    Bits,
    Branch,
    Constant,
    Feature,
    Limits,
    Operator,
    PortLimits,
    Repeat,
    Straight,
    VariableKind,
    While,
    check,
    evaluate,
)

COLUMNS = np.array([-1, 0, 2], np.int32)
FIRST, SECOND = Straight(0, 2, 9), Straight(2, 3, 9)


@pytest.mark.parametrize("bits", [(0, 1), (1, 0), (1, 0, 3), (0, 3, 2), (1, 3)])
def test_bits_that_nothing_wrote_are_zeros(bits: tuple[int, ...]) -> None:
    equal = Apply(Operator.EQUAL, (Bits(bits), Constant(1)), VariableKind.BOOL, 1)
    body = settle((FIRST, Branch(equal, ()), SECOND), COLUMNS)
    memory = np.array([[True, False, False, False], [False] * 4])
    found = evaluate(body[1].condition, memory, np.zeros((2, 0)), np.zeros(0))
    assert found.tolist() == evaluate(equal, memory, np.zeros((2, 0)), np.zeros(0)).tolist()
    assert {column for column in (1, 2, 3) if f"columns=({column},)" in repr(body)} == set()


def test_one_bit_is_a_constant_and_what_is_known_stays() -> None:
    body = settle((Branch(Bits((0,)), ()), FIRST, Branch(Bits((0,)), ())), COLUMNS)
    assert body == (Branch(Constant(False), ()), FIRST, Branch(Bits((0,)), ()))
    assert body[1] is FIRST


def test_a_turn_before_may_have_written() -> None:
    for loop in (Repeat(2, (Branch(Bits((2,)), ()), SECOND)), While(Bits((2,)), (SECOND,), 3)):
        assert settle((loop,), COLUMNS) == (loop,)
    arms = Branch(Constant(True), (SECOND,), (Branch(Bits((2,)), ()),))
    assert settle((arms, Branch(Bits((2,)), ())), COLUMNS)[0].otherwise == (Branch(Constant(False), ()),)
    assert settle((arms, Branch(Bits((2,)), ())), COLUMNS)[1] == Branch(Bits((2,)), ())


def test_circuits_that_qiskit_takes_pass_the_check(five) -> None:
    """Unmeasured registers, repetition until success from an unwritten bit, loops that take no time, logic on booleans."""
    circuit = QuantumCircuit(2, 3)
    with circuit.if_test((circuit.cregs[0], 3)):
        circuit.x(0)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.sx(0)
        circuit.measure(0, 0)
    with circuit.for_loop(range(3)):
        circuit.rz(0.1, 1)
    with circuit.if_test(expr.bit_xor(circuit.clbits[0], circuit.clbits[1])):
        circuit.x(1)
    circuit.measure(1, 1)
    ports = tuple(PortLimits(name=port.name, kind=port.kind, dt=port.dt) for port in five.ports)
    limits = Limits(dt=five.timing.dt, ports=ports, features=frozenset(Feature), branch_latency=200)
    check(lower(circuit, five, limits).schedule, limits)


def test_a_qubit_may_be_reset_again(five) -> None:
    circuit = QuantumCircuit(1, 1)
    for _ in range(3):
        circuit.reset(0)
    circuit.measure(0, 0)
    ports = tuple(PortLimits(name=port.name, kind=port.kind, dt=port.dt) for port in five.ports)
    limits = Limits(dt=five.timing.dt, ports=ports, features=frozenset(Feature), branch_latency=200)
    schedule = lower(circuit, five, limits).schedule
    check(schedule, limits)
    assert len({column.name for column in schedule.columns}) == len(schedule.columns)
