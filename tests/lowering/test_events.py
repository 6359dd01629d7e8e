"""Pictures of lowered circuits. After a wanted change: ``QPU_BRIDGE_GOLDEN=write pytest tests/lowering/test_events.py``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit

from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.schedule import NONE, Operation, SlotKind
from qpu_bridge.schedule.draw_text import draw
from qpu_bridge.suppression import DecouplingOptions, decouple

GOLDEN = Path(__file__).parent / "golden"


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.rz(np.pi / 2, 0)
    circuit.sx(0)
    circuit.sx(1)
    circuit.cz(0, 1)
    circuit.delay(300, 0, "ns")
    circuit.rx(0.4, 0)
    circuit.barrier()
    circuit.measure([0, 1], [0, 1])
    return circuit


def feedback() -> QuantumCircuit:
    t = Parameter("t")
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.rz(t, 1)
        circuit.x(1)
    with otherwise:
        circuit.cz(0, 1)
    circuit.reset(0)
    circuit.sx([0, 1])
    circuit.measure(1, 1)
    return circuit


@pytest.mark.parametrize("name", ["bell_alap", "bell_asap", "bell_decoupled", "feedback"])
def test_picture(five, name) -> None:
    if name == "feedback":
        schedule = lower(feedback(), five, None).schedule
    else:
        lowered = lower(bell(), five, None, LoweringOptions(scheduling="asap" if name == "bell_asap" else "alap"))
        schedule = lowered.schedule
        if name == "bell_decoupled":
            schedule = decouple(schedule, lowered.occupancy, five, DecouplingOptions(sequence_type="XY4"))
    picture, file = draw(schedule), GOLDEN / f"{name}.txt"
    if os.environ.get("QPU_BRIDGE_GOLDEN") == "write":
        file.write_text(picture, encoding="utf-8")
    assert picture == file.read_text(encoding="utf-8")


def test_tables_hold_only_what_is_used(make_snapshot) -> None:
    circuit = QuantumCircuit(20, 1)
    circuit.x(17)
    circuit.measure(17, 0)
    schedule = lower(circuit, make_snapshot(20), None).schedule
    assert [port.name for port in schedule.ports] == ["d17", "r3", "a3"]
    assert [frame.name for frame in schedule.frames] == ["q17", "r17", "a17"]
    assert len(schedule.waveforms) == 2
    assert [schedule.frames[e["frame"]].port for e in schedule.events] == schedule.events["port"].tolist()


def test_slots_point_at_their_kind(five) -> None:
    a = Parameter("a")
    circuit = QuantumCircuit(2)
    circuit.rx(a, 0)
    circuit.sx(0)
    circuit.rzz(a, 0, 1)
    circuit.sx(1)
    schedule = lower(circuit, five, None).schedule
    for name, kind in (("phase_slot", SlotKind.PHASE), ("amplitude_slot", SlotKind.AMPLITUDE)):
        used = schedule.events[name][schedule.events[name] != NONE]
        assert len(used)
        assert all(schedule.slots[slot].kind is kind for slot in used)
    assert (schedule.events["operation"] == Operation.PLAY).all()


def test_origin_names_the_instruction_of_each_event(five) -> None:
    lowered = lower(feedback(), five, None)
    names = [feedback().data[index].name for index in lowered.origin]
    assert names == ["sx", *["measure"] * 2, *["if_else"] * 2, *["reset"] * 3, "sx", *["measure"] * 2, "sx"]
