"""Stretches: what fills a gap, against lengths worked out by hand (sx and x 32 ticks, cz 64, measure 500)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from qiskit.circuit import Duration, QuantumCircuit
from qiskit.circuit.classical import expr

from qpu_bridge.errors import NotNative, TooLarge
from qpu_bridge.lowering import lower, times_of
from qpu_bridge.lowering.stretch_length import Length, length_of
from qpu_bridge.schedule import unroll
from qpu_bridge.units import Clock


def resolved(circuit: QuantumCircuit, snapshot: Any) -> dict[str, tuple[int, int, list[int]]]:
    """Stretch -> value, remainder, lengths of its delays."""
    found = lower(circuit, snapshot, None).stretches
    return {stretch.name: (stretch.value, stretch.remainder, [ticks for _, ticks in stretch.delays]) for stretch in found}


def echo(others: int = 5) -> QuantumCircuit:
    """Two pulses that share the time of a row of pulses on another qubit."""
    circuit = QuantumCircuit(2)
    gap = circuit.add_stretch("gap")
    circuit.barrier()
    for _ in range(2):
        circuit.delay(gap, 0)
        circuit.x(0)
    circuit.delay(gap, 0)
    for _ in range(others):
        circuit.x(1)
    circuit.barrier()
    return circuit


def test_a_gap_is_shared_among_the_delays(five: Any) -> None:
    assert resolved(echo(5), five) == {"gap": (32, 0, [32, 32, 32])}
    assert resolved(echo(2), five) == {"gap": (0, 0, [0, 0, 0])}


def test_what_cannot_be_shared_evenly_is_left_over(five: Any) -> None:
    # four pulses of 32 on a grid of 4: three delays of 21 1/3
    assert resolved(echo(4), five) == {"gap": (20, 4, [20, 20, 24])}


def test_starts_fall_on_the_grid(five: Any) -> None:
    coarse = five.model_copy(update={"timing": five.timing.model_copy(update={"granularity": 8})})
    assert resolved(echo(4), coarse) == {"gap": (16, 16, [16, 24, 24])}
    schedule = lower(echo(4), coarse, None).schedule
    assert (unroll(schedule).events["start"] % 8 == 0).all()


def test_pulses_stand_where_the_stretches_put_them(five: Any) -> None:
    lowered = lower(echo(5), five, None)
    assert sorted(one.start for one in lowered.timing if one.qubits == (0,) and one.name == "x") == [32, 96]
    (stretch,) = lowered.stretches
    assert times_of(lowered, [index for index, _ in stretch.delays]) == [0, 64, 128]
    assert lowered.schedule.duration == 5 * 32


def test_multiples_and_offsets(five: Any) -> None:
    circuit = QuantumCircuit(2)
    gap = circuit.add_stretch("gap")
    circuit.barrier()
    circuit.delay(gap, 0)
    circuit.x(0)
    circuit.delay(expr.add(expr.mul(gap, 2), Duration.ns(10)), 0)
    circuit.delay(expr.div(gap, 2), 0)
    for _ in range(10):
        circuit.x(1)
    circuit.barrier()
    # 3.5 gap = 320 - 32 - 10
    value, _, delays = resolved(circuit, five)["gap"]
    assert value == 76
    assert sum(delays) == 320 - 32
    assert delays[0] == pytest.approx(278 / 3.5, abs=4)
    assert delays[2] == pytest.approx(278 / 7, abs=4)


def test_the_first_stretch_is_as_short_as_it_can_be(five: Any) -> None:
    circuit = QuantumCircuit(2)
    first, second = circuit.add_stretch("first"), circuit.add_stretch("second")
    circuit.barrier()
    circuit.delay(second, 0)
    circuit.x(0)
    circuit.delay(first, 0)
    for _ in range(3):
        circuit.x(1)
    circuit.barrier()
    assert resolved(circuit, five) == {"first": (0, 0, [0]), "second": (64, 0, [64])}


def test_one_stretch_in_several_gaps_keeps_one_length(five: Any) -> None:
    circuit = QuantumCircuit(3)
    gap = circuit.add_stretch("gap")
    circuit.barrier()
    circuit.delay(gap, 0)
    for _ in range(4):
        circuit.x(1)
    circuit.barrier(0, 1)
    circuit.delay(gap, 0)
    circuit.x(1)
    circuit.barrier()
    assert resolved(circuit, five) == {"gap": (128, 0, [128, 128])}


def test_the_end_of_a_circuit_closes_a_gap(five: Any) -> None:
    circuit = QuantumCircuit(2, 1)
    gap = circuit.add_stretch("gap")
    circuit.delay(gap, 0)
    circuit.x(0)
    circuit.delay(gap, 0)
    circuit.measure(1, 0)
    assert resolved(circuit, five)["gap"][2] == [232, 236]


def test_branches_part_the_gaps(five: Any) -> None:
    circuit = QuantumCircuit(2, 1)
    gap = circuit.add_stretch("gap")
    circuit.measure(0, 0)
    circuit.delay(gap, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    circuit.delay(gap, 0)
    circuit.x(0)
    assert resolved(circuit, five)["gap"] == (500, 0, [500, 500])


def unsolvable() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    gap = circuit.add_stretch("gap")
    circuit.barrier()
    circuit.delay(expr.sub(Duration.dt(10), gap), 0)
    circuit.x(1)
    circuit.barrier()
    return circuit


def inside() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    gap = circuit.add_stretch("gap")
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(gap, 0)
    return circuit


def squared() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    gap, other = circuit.add_stretch("gap"), circuit.add_stretch("other")
    circuit.delay(expr.mul(gap, expr.div(other, Duration.dt(1))), 0)
    return circuit


@pytest.mark.parametrize(
    ("make", "says"), [(unsolvable, "fill their gaps"), (inside, "outside of boxes"), (squared, "multiply stretches")]
)
def test_what_cannot_be_resolved(make: Any, says: str, five: Any) -> None:
    with pytest.raises(NotNative, match=says):
        lower(make(), five, None)


def test_too_many_stretches(five: Any) -> None:
    circuit = QuantumCircuit(1)
    for index in range(65):
        circuit.add_stretch(f"s{index}")
    with pytest.raises(TooLarge):
        lower(circuit, five, None)


def test_units() -> None:
    clock = Clock(Fraction(1, 2 * 10**9))
    node = expr.add(expr.lift(Duration.us(0.1)), expr.lift(Duration.dt(3)))
    assert length_of(node, clock, "") == Length(203.0, {})
