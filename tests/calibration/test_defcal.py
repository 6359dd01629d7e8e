from __future__ import annotations

import json
import math
import re
from contextlib import suppress

import openpulse
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Curve, DragShape, PhaseSpec, Snapshot
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
    "body",
    [
        "play(q0, scale(0.27, envelope_drag(36, 9.0, 0.25)));",
        "waveform mine = envelope_drag(36, 9.0, 0.25); play(q0, scale(0.27, mine));",
    ],
    ids=["described where it is played", "with a name of the gate's own"],
)
def test_a_waveform_need_not_stand_in_the_cal_block(body):
    known = five.snapshot()
    text = f'OPENQASM 3.0; defcalgrammar "openpulse"; cal {{ waveform other = envelope_constant(8); }} defcal sx $0 {{ {body} }}'
    found = from_defcal(text, known)
    (pulse,) = found.gate("sx", 0).pulses
    assert pulse.amplitude == 0.27
    assert found.waveforms[pulse.waveform] == DragShape(shape="drag", duration=36, sigma=9.0, beta=0.25)
    assert found.gate("sx", 0).duration == 36
    # a gate's own name is not another one's
    with pytest.raises(SettingsError, match="a waveform must be declared"):
        from_defcal(text + " defcal x $0 { play(q0, mine); }", known)


HAND = """OPENQASM 3.0;
defcalgrammar "openpulse";
cal {
  waveform mine = envelope_drag(40, 10.0, 0.25);
  array[float[64], 2] knots = {0.0, 3.2}; array[float[64], 2] levels = {0.0, 0.5};
  frame q1 = newframe(d1, 5.01e9, 0.0);
}
defcal sx $0
{
  shift_phase(q0, pi / 2);
  play(q0, scale(0.125, mine));
  barrier q0;
  delay[8dt] q0;
}
defcal rx(angle[64] theta) $1 { play(q1, scale(spline(theta, knots, levels), drag1)); }
defcal measure $0 -> bit {
  play(m0, scale(0.1, readout));
  complex[float[64]] iq = capture_sum(a0, 800dt);
  return discriminate(iq, 0.5, 1.0);
}
"""
TOKENS = re.findall(r'"[^"]*"|[A-Za-z_$][\w$]*|[\d.]+(?:e\d+|dt|im)?|\s+|.', HAND)
ODD = [
    "1e999",
    "0",
    "-1",
    "0.5im",
    "99999999999",
    "q0",
    "[",
    "{",
    "}",
    "(",
    ")",
    "mine",
    "held(mine, knots)",
    "play",
    "$7",
    "q0[0]",
    "theta",
]


def test_the_text_by_hand_can_be_read():
    assert from_defcal(HAND, five.snapshot()).gate("sx", 0).duration == 48


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("newframe(d9", "newframe(d1", 6, "a port must be declared"),
        ("envelope_drag(40.5", "envelope_drag(40", 4, "a whole one"),
        ("scale(0.125im", "scale(0.125", 11, "must be real"),
        ("scale(1e999", "scale(0.125", 11, "finite"),
        ("barrier q0[0]", "barrier q0", 12, "a name must stand here"),
        ("delay[8ns]", "delay[8dt]", 13, "whole number of dt"),
        ("scale(spline(theta, knots, other)", "scale(spline(theta, knots, levels)", 15, "arrays of the cal block"),
        ("capture_all(a0", "capture_sum(a0", 18, "capture_iq or capture_sum"),
        ("= envelope_drag(0, ", "= envelope_drag(40, ", 4, "numbers of its shape"),
    ],
)
def test_what_is_wrong_by_hand_is_said_with_its_line(wrong, right, line, words):
    assert HAND.count(right) == 1
    with pytest.raises(SettingsError, match=words) as refused:
        from_defcal(HAND.replace(right, wrong), five.snapshot())
    assert refused.value.where == f"line {line}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_text_is_read_or_refused_in_words(data):
    tokens = list(TOKENS)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(tokens) - 1))
        other = data.draw(st.sampled_from([*TOKENS, *ODD, ""]))
        tokens[place : place + data.draw(st.integers(0, 2))] = [other]
    try:
        found = from_defcal("".join(tokens), five.snapshot())
    except SettingsError as error:
        if "exported" in error.must:  # which is for pragmas alone
            raise AssertionError("".join(tokens)) from error
    else:
        assert Snapshot.model_validate_json(found.model_dump_json()) == found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    what=st.sampled_from(["snapshot", "qubit", "measure", "port", "frame", "waveform", "gate", "other", ""]),
    fact=st.recursive(
        st.none() | st.integers(-3, 3) | st.text("0q$ \n", max_size=3),
        lambda inner: (
            st.dictionaries(st.sampled_from(["name", "index", "identifier", "qubit", "qubits", "kind"]), inner, max_size=3)
            | st.lists(inner, max_size=3)
        ),
        max_leaves=5,
    ),
    rest=st.text(max_size=20),
)
def test_whatever_pragma_is_read_or_refused_in_words(what, fact, rest):
    with suppress(SettingsError):
        from_defcal(f"OPENQASM 3.0;\npragma qpu_bridge {what} {json.dumps(fact)}\n{HAND.partition(';')[2]}", five.snapshot())
    with suppress(SettingsError):
        from_defcal(rest, five.snapshot())


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


def test_a_file_that_ends_too_early_is_refused_in_words_and_nothing_else_is_said(capsys):
    text = to_defcal(small(five.snapshot()))
    array = text.index("_samples = {") + 80
    for end, words in (
        (10, "ends too early"),
        (text.index("pragma"), "only a heading"),
        (text.index("pragma") + 60, "the facts of one thing"),
        (array, rf"got line {text.count(chr(10), 0, array) + 1}:"),
    ):
        with pytest.raises(SettingsError, match=words) as refused:
            from_defcal(text[:end], five.snapshot())
        assert "Is the file whole?" in str(refused.value)
        assert len(str(refused.value)) < 300
    assert capsys.readouterr() == ("", "")


def test_part_of_a_snapshot_needs_the_rest():
    with pytest.raises(SettingsError, match="needs one to build on"):
        from_defcal('OPENQASM 3.0; defcalgrammar "openpulse"; defcal sx $0 { }')
