from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.lowering.gate_table import gate_table
from qpu_bridge.schedule import NONE
from qpu_bridge.target import Curve


def test_compiled_once_per_snapshot(five, make_snapshot) -> None:
    assert gate_table(five) is gate_table(five)
    other = make_snapshot(2)
    assert gate_table(other).snapshot is other
    for _ in range(20):
        gate_table(make_snapshot(1))
    assert gate_table(other).snapshot is other, "compiled again after it was pushed out"


def test_pulses_of_a_gate(five) -> None:
    table = gate_table(five)
    code = table.code["ecr", (1, 0)]
    first, count = table.pulse_first[code], table.pulse_count[code]
    rows = table.pulses[first : first + count]
    assert [table.frames[f].name for f in rows["frame"]] == ["q0q1", "q1", "q0q1"]
    assert rows["start"].tolist() == [0, 160, 192]
    assert rows["follows"].tolist() == [1, 1, 1]
    assert (rows["curve"] == NONE).all()
    assert table.code["cz", (1, 0)] == table.code["cz", (0, 1)]
    assert ("ecr", (0, 1)) not in table.code
    assert table.entries[table.code["id", (3,)]].duration == 32


def test_rotations_wrap_and_couplings_do_not(five) -> None:
    table = gate_table(five)
    rx, rzz = table.code["rx", (0,)], table.code["rzz", (0, 1)]
    angles = np.array([0.0, np.pi, -np.pi, 4.0, -7.0])
    assert np.allclose(np.exp(1j * table.fold(rx, angles)), np.exp(1j * angles))
    assert not table.out_of_range(rx, table.fold(rx, angles)).any()
    assert table.out_of_range(rzz, table.fold(rzz, np.array([-0.1, 0.0, 1.5, 1.7, np.nan]))).tolist() == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_half_a_curve_serves_both_signs(five) -> None:
    def halved(gate):
        if gate.name != "rx":
            return gate
        angle = tuple(float(a) for a in np.linspace(0, np.pi, 17))
        up = Curve(angle=angle, value=tuple(0.06 * a for a in angle))
        turn = Curve(angle=angle, value=tuple(0.1 * a * a for a in angle))
        pulse, phase = gate.pulses[0], gate.phases[0]
        return gate.model_copy(
            update={
                "pulses": (pulse.model_copy(update={"amplitude": up}),),
                "phases": (phase.model_copy(update={"angle": turn}),),
            }
        )

    table = gate_table(five.model_copy(update={"gates": tuple(halved(gate) for gate in five.gates)}))
    code = table.code["rx", (1,)]
    angles = table.fold(code, np.array([0.5, -0.5]))
    pulse, turn = table.pulses[table.pulse_first[code]], table.turns[table.turn_first[code]]
    assert table.bend(code, int(pulse["curve"]), angles) == pytest.approx([0.03, -0.03])
    assert table.bend(code, int(turn["curve"]), angles) == pytest.approx([0.025, 0.025])
