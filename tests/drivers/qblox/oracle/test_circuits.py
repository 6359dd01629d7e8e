"""Control flow of Qiskit circuits, lowered for a five-qubit rack: what is measured decides what is played."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qpu_bridge import plugins
from qpu_bridge.errors import ScheduleError
from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.schedule import Schedule, check
from qpu_drivers.qblox.capabilities import limits
from qpu_drivers.qblox.rack import Rack
from tests.drivers.qblox.oracle.test_branches import hold

LAB = Path(__file__).parent.parent / "lab.toml"


def options() -> dict[str, Any]:
    given = tomllib.loads(LAB.read_text())["devices"]["lab_five"]["options"]
    return given | {"modules": {int(slot): kind for slot, kind in given["modules"].items()}}


def lowered(circuit: QuantumCircuit, active_reset: bool = False) -> Schedule:
    snapshot = plugins.open_snapshot("five", "lab_five")
    able = limits(Rack.read(options(), "lab"), snapshot)
    schedule = lower(circuit, snapshot, able, LoweringOptions(active_reset=active_reset)).schedule
    check(schedule, able)
    return schedule


def bell_after_reset() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 2)
    circuit.reset([0, 1])
    circuit.sx(0)
    circuit.cz(0, 1)
    circuit.sx(1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def flipped_by_another() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 0)) as otherwise:
        circuit.x(3)
        circuit.sx(1)
    with otherwise:
        circuit.sx(3)
        circuit.sx(3)
    circuit.sx(3)
    circuit.measure(3, 1)
    return circuit


def in_rounds() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    with circuit.for_loop(range(3)):
        circuit.sx(2)
        circuit.measure(2, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(2)
    return circuit


@pytest.mark.parametrize("write", [bell_after_reset, flipped_by_another, in_rounds])
def test_circuits_do_what_was_measured(write: Callable[[], QuantumCircuit]) -> None:
    hold(lowered(write()), options=options())


def test_active_reset_comes_before_a_circuit() -> None:
    circuit = QuantumCircuit(5, 2)
    circuit.sx([0, 1])
    circuit.measure([0, 1], [0, 1])
    hold(lowered(circuit, active_reset=True), options=options())


def test_bits_that_would_meet_are_refused_before_a_job_runs() -> None:
    circuit = QuantumCircuit(5, 2)
    circuit.measure([0, 1], [0, 1])
    for clbit in circuit.clbits:
        with circuit.if_test((clbit, 1)):
            circuit.x(2)
    with pytest.raises(ScheduleError, match="end at least 252 ticks apart"):
        lowered(circuit)


def test_a_qubit_that_is_measured_too_often_is_refused_before_a_job_runs() -> None:
    circuit = QuantumCircuit(5, 33)
    for clbit in range(33):
        circuit.measure(0, clbit)
    with pytest.raises(ScheduleError, match="at most 32 captures in one schedule on this device; got 33"):
        lowered(circuit)
