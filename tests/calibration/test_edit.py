"""Edits change one thing and what follows from it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import ConstantShape, GateSpec, Snapshot
from qpu_calibration import edit
from qpu_calibration.numbers import diff
from qpu_emulator import five, five_ecr

PAIR = (0, 1)


@pytest.fixture
def snapshot() -> Snapshot:
    return five.snapshot()


def gate(snapshot: Snapshot, name: str, *qubits: int) -> GateSpec:
    return edit.known_gate(snapshot, name, qubits)


def names(before: Snapshot, after: Snapshot) -> set[tuple[tuple[int, ...], str]]:
    return {(change.target, change.name) for change in diff(before, after)}


def test_another_frequency_moves_all_carriers_that_follow_the_qubit_and_no_other():
    before = five_ecr.snapshot()
    after = edit.with_frequency(before, 1, 5e9)
    for old, new in zip(before.frames, after.frames, strict=True):
        assert new.frequency == (5e9 if old.follows == 1 else old.frequency)
    assert sum(frame.follows == 1 for frame in after.frames) > 1
    assert names(before, after) == {((1,), "f01")}


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_what_relaxation_adds_to_the_error_of_gates_follows_from_t1(snapshot, factor):
    t1, dt = factor * snapshot.qubits[0].t1, float(snapshot.timing.dt)
    after, faster = edit.with_t1(snapshot, 0, t1), 1 / t1 - 1 / snapshot.qubits[0].t1
    assert after.qubits[0].t1 == pytest.approx(t1)
    pure = 1 / snapshot.qubits[0].t2 - 1 / (2 * snapshot.qubits[0].t1)
    assert 1 / after.qubits[0].t2 - 1 / (2 * t1) == pytest.approx(pure, rel=1e-4)
    # a third of the chance to decay on average over the states of one qubit, two fifths over those of two
    for share, name, qubits in ((1 / 3, "sx", (0,)), (2 / 5, "cz", PAIR)):
        old, new = gate(snapshot, name, *qubits), gate(after, name, *qubits)
        assert new.error - old.error == pytest.approx(share * old.duration * dt * faster, abs=2e-9)
    assert gate(after, "sx", 1) == gate(snapshot, "sx", 1)
    assert after.timing.passive_reset >= edit.WARM * t1


def test_another_amplitude_of_x_stretches_rx_and_leaves_sx(snapshot):
    half = edit.amplitude(snapshot, 0, "sx")
    after = edit.with_amplitude(snapshot, 0, "x", 1.1 * edit.amplitude(snapshot, 0))
    assert edit.amplitude(after, 0) == pytest.approx(1.1 * edit.amplitude(snapshot, 0))
    curves = [np.array(gate(one, "rx", 0).pulses[0].amplitude.value) for one in (snapshot, after)]
    assert curves[1] == pytest.approx(1.1 * curves[0], abs=1e-8)
    assert edit.amplitude(after, 0, "sx") == half
    assert {target for target, _ in names(snapshot, after)} == {(0,)}


def test_copies_of_a_pulse_within_an_echoed_gate_follow_it():
    before = five_ecr.snapshot()
    control = next(one.qubits[0] for one in before.gates if one.name == "ecr")
    after = edit.with_amplitude(before, control, "x", 1.1 * edit.amplitude(before, control))
    frame = before.qubits[control].drive_frame
    for one in (one for one in after.gates if one.name == "ecr" and one.qubits[0] == control):
        assert [p.amplitude for p in one.pulses if p.frame == frame] == [edit.amplitude(after, control)]


def test_a_drag_coefficient_of_a_shared_envelope_is_the_qubits_own(snapshot):
    shared = edit.drag_pulse(snapshot, 0)[0].waveform
    gates = tuple(
        one.model_copy(update={"pulses": tuple(pulse.model_copy(update={"waveform": shared}) for pulse in one.pulses)})
        if one.qubits == (1,)
        else one
        for one in snapshot.gates
    )
    before = snapshot.model_copy(update={"gates": gates})
    after = edit.with_beta(before, 1, 0.123)
    assert edit.drag_pulse(after, 1)[1].beta == 0.123
    assert edit.drag_pulse(after, 1, "sx")[1].beta == 0.123
    assert edit.drag_pulse(after, 0) == edit.drag_pulse(before, 0)


def test_a_flux_pulse_takes_the_curve_of_rzz_along(snapshot):
    after = edit.with_flux_amplitude(snapshot, PAIR, 0.9 * edit.flux_amplitude(snapshot, PAIR))
    curves = [np.array(gate(one, "rzz", *PAIR).pulses[0].amplitude.value) for one in (snapshot, after)]
    assert curves[1] == pytest.approx(0.9 * curves[0], abs=1e-8)
    late = edit.with_flux_window(after, PAIR, 8, 80)
    assert edit.flux_window(late, PAIR) == (8, 80)
    assert gate(late, "rzz", *PAIR).pulses[0].start == 8
    assert {target for target, _ in names(snapshot, late)} == {PAIR}


def test_virtual_z_comes_back_within_half_a_turn(snapshot):
    after = edit.with_virtual_z(snapshot, "cz", PAIR, (0.3, 2 * np.pi - 0.4))
    assert edit.virtual_z(after, "cz", PAIR) == pytest.approx((0.3, -0.4))
    with pytest.raises(SettingsError, match="fixed phases"):
        edit.virtual_z(snapshot, "rzz", PAIR)


def test_what_is_no_calibrated_pulse_is_refused(snapshot):
    square = edit.with_waveform(snapshot, edit.drag_pulse(snapshot, 0)[0].waveform, ConstantShape(shape="constant", duration=36))
    with pytest.raises(SettingsError, match=r"one DRAG pulse.*x of qubit 0"):
        edit.drag_pulse(square, 0)
    with pytest.raises(SettingsError, match=r"gates that the snapshot has.*cz on \[0, 3\]"):
        edit.flux_pulse(snapshot, (0, 3))


def test_shots_wait_longer_only_for_a_t1_that_is_surely_too_long(snapshot):
    t1 = 1.1 * snapshot.timing.passive_reset / edit.WARM
    assert edit.with_t1(snapshot, 0, t1, 0.06 * t1).timing == snapshot.timing
    assert edit.with_t1(snapshot, 0, t1, 0.04 * t1).timing.passive_reset == pytest.approx(edit.COLD * t1, abs=1e-6)


def test_an_amplitude_leaves_the_very_objects_of_all_other_gates(snapshot):
    after = edit.with_amplitude(snapshot, 0, "x", 1.1 * edit.amplitude(snapshot, 0))
    others = [(one.name, one.qubits) for one, old in zip(after.gates, snapshot.gates, strict=True) if one is not old]
    assert others == [("x", (0,)), ("rx", (0,))]
