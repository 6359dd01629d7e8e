from __future__ import annotations

import math

import openpulse
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Curve, PhaseSpec, Snapshot
from qpu_calibration.defcal import from_defcal, to_defcal
from qpu_calibration.edit import with_amplitude, with_gate, with_measure
from qpu_emulator import five, five_ecr


def small(snapshot: Snapshot) -> Snapshot:
    """Two qubits and what joins them: the text of five takes seconds to parse."""
    qubits = snapshot.qubits[:2]
    gates = tuple(g for g in snapshot.gates if set(g.qubits) <= {0, 1})
    measures = snapshot.measures[:2]
    frames = {p.frame for g in gates for p in g.pulses} | {q.drive_frame for q in qubits}
    frames |= {name for m in measures for name in (m.drive_frame, m.acquire_frame)}
    shapes = {p.waveform for g in gates for p in g.pulses} | {n for m in measures for n in (m.waveform, m.kernel) if n}
    return Snapshot.model_validate(
        snapshot.model_dump()
        | {
            "qubits": qubits,
            "gates": gates,
            "measures": measures,
            "frames": tuple(f for f in snapshot.frames if f.name in frames),
            "waveforms": {name: shape for name, shape in snapshot.waveforms.items() if name in shapes},
        }
    )


@pytest.fixture(params=[five, five_ecr], ids=["cz", "ecr"])
def snapshot(request) -> Snapshot:
    return small(request.param.snapshot())


def test_a_whole_snapshot_comes_back_as_it_was(snapshot):
    text = to_defcal(snapshot)
    openpulse.parse(text)
    assert from_defcal(text) == snapshot
    assert from_defcal(text, five.snapshot()) == snapshot


NUMBERS = st.floats(-1, 1, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-300)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    level=NUMBERS, turn=NUMBERS, angle=NUMBERS, threshold=st.floats(-1e9, 1e9), knots=st.lists(NUMBERS, min_size=2, max_size=4)
)
def test_any_numbers_come_back(level, turn, angle, threshold, knots):
    known = with_measure(small(five.snapshot()), 0, kernel=None)
    known = known.model_copy(update={"waveforms": {n: s for n, s in known.waveforms.items() if not n.startswith("kernel")}})
    gate = known.gate("rzz", 0, 1)
    curve = Curve(angle=tuple(0.1 * k for k in range(len(knots))), value=tuple(knots))
    pulses = tuple(p.model_copy(update={"amplitude": curve, "phase": math.pi * turn}) for p in gate.pulses)
    phases = (PhaseSpec(qubit=1, angle=angle), PhaseSpec(qubit=0, angle=curve)) if angle else ()
    odd = with_gate(known, gate.model_copy(update={"pulses": pulses, "phases": phases, "operational": False}))
    odd = with_measure(with_amplitude(odd, 0, "x", level), 1, threshold=threshold, angle=angle, kernel=None)
    again = from_defcal(to_defcal(odd))
    assert again.gates == odd.gates
    assert again.measures == odd.measures


def test_a_gate_of_ones_own_on_top_of_what_is_there():
    known = five.snapshot()
    text = """
    OPENQASM 3.0;
    defcalgrammar "openpulse";
    cal {
      waveform drag0 = envelope_drag(40, 10.0, 0.25);
      frame q1 = newframe(d1, 5.01e9, 0.0);
    }
    defcal sx $0 { shift_phase(q0, pi / 2); play(q0, scale(0.125, drag0)); shift_phase(q0, -(pi / 2)); }
    """
    found = from_defcal(text.replace("newframe(d1", "newframe(d1"), known)
    (pulse,) = found.gate("sx", 0).pulses
    assert (pulse.amplitude, pulse.phase, found.gate("sx", 0).duration) == (0.125, math.pi / 2, 40)
    assert pulse.waveform == "drag0_2"
    assert found.waveforms["drag0"] == known.waveforms["drag0"]
    assert found.gate("x", 0) == known.gate("x", 0)
    assert found.gate("sx", 0).error == known.gate("sx", 0).error
    assert found.frame("q1").frequency == 5.01e9
    assert found.frame("q1").follows == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("OPENQASM 3.0; defcal sx $0 { play(", "must be OpenQASM 3"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; qubit q;', "pragmas, cal and defcal"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { play(nowhere, drag0); }', "a frame must be declared"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { play(q0, nothing); }', "a waveform must be declared"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { delay[10ns] q0; }', "whole number of dt"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { set_frequency(q0, 5e9); }', "may play and shift"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal measure $0 -> bit { play(m0, readout); }', "one tone"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx q { play(q0, drag0); }', "as \\$0"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $9 { play(q0, drag0); }', "agrees with itself"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; cal { waveform w = wobble(3); }', "envelope_constant"),
        ('OPENQASM 3.0; defcalgrammar "openpulse"; cal { waveform w = envelope_drag(1 / 0, 1, 1); }', "divided by zero"),
        ("OPENQASM 3.0; pragma qpu_bridge gate [1]", "facts of one thing"),
    ],
)
def test_what_cannot_be_read_is_said(text, words):
    with pytest.raises(SettingsError, match=words):
        from_defcal(text, five.snapshot())


def test_part_of_a_snapshot_needs_the_rest():
    with pytest.raises(SettingsError, match="needs one to build on"):
        from_defcal('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { }')
