from __future__ import annotations

from fractions import Fraction

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.classical import expr

from qpu_bridge.errors import TooLarge, UnsupportedOption
from qpu_bridge.lowering import lower
from qpu_bridge.schedule import Feature, Limits, PortLimits, check
from qpu_bridge.suppression import decouple

EVERYTHING = frozenset(Feature)


def limits(snapshot, features=EVERYTHING, **changes) -> Limits:
    ports = tuple(PortLimits(name=port.name, kind=port.kind, dt=port.dt) for port in snapshot.ports)
    return Limits(**({"dt": Fraction(1, 10**9), "ports": ports, "features": features, "branch_latency": 200} | changes))


def dynamic(kind: str) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.sx([0, 1])
    circuit.measure(0, 0)
    if kind == "branch":
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(1)
    elif kind == "expression":
        with circuit.if_test(expr.equal(circuit.cregs[0], 2)):
            circuit.x(1)
    elif kind == "loop":
        with circuit.for_loop(range(3)):
            circuit.x(1)
    elif kind == "while":
        with circuit.while_loop((circuit.clbits[0], 1)):
            circuit.measure(0, 0)
    circuit.measure(1, 1)
    return circuit


@pytest.mark.parametrize("feature", ["branch", "expression", "loop", "while"])
def test_a_device_that_cannot_says_so_before_the_job_starts(five, feature) -> None:
    lower(dynamic(feature), five, limits(five))
    with pytest.raises(UnsupportedOption, match=feature):
        lower(dynamic(feature), five, limits(five, EVERYTHING - {Feature(feature)}))
    lower(dynamic("plain"), five, limits(five, EVERYTHING - {Feature(feature)}))


def test_sizes(five) -> None:
    circuit = dynamic("branch")
    for change, word in (({"max_events": 5}, "events"), ({"max_columns": 1}, "columns"), ({"max_duration": 100}, "ticks")):
        with pytest.raises(TooLarge, match=word):
            lower(circuit, five, limits(five, **change))


@pytest.mark.parametrize("kind", ["plain", "branch", "expression", "loop", "while"])
def test_the_validator_has_nothing_to_say(five, kind) -> None:
    lowered = lower(dynamic(kind), five, limits(five))
    check(lowered.schedule, limits(five))
    check(decouple(lowered.schedule, lowered.occupancy, five), limits(five))


def test_starts_keep_to_the_coarsest_grid(five) -> None:
    fine = limits(five)
    coarse = fine.model_copy(update={"ports": tuple(p.model_copy(update={"start_granularity": 16}) for p in fine.ports)})
    lowered = lower(dynamic("branch"), five, coarse)
    assert lowered.step == 16
    assert all(block.duration % 16 == 0 for block in lowered.schedule.straight_blocks())
    assert all(timed.start % 16 == 0 for timed in lowered.timing)
