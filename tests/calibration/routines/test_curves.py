"""Curves of fractional gates: bent ones are straightened to within a hundredth of each angle."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.interpolate import CubicSpline

from qpu_bridge.target import Curve, Snapshot
from qpu_calibration.catalog import routine
from qpu_calibration.edit import drag_pulse, with_gate
from qpu_calibration.routines.rx_curve import RxCurveSettings
from qpu_emulator import five_ecr
from qpu_emulator.bring_up.rotation import rotate

ANGLES = np.array([-3.0, -1.3, -0.2, 0.1, 0.4, 0.9, 1.6, 2.2, 2.8, np.pi])


def knots(snapshot: Snapshot, name: str, *qubits: int) -> Curve:
    gate = snapshot.gate(name, *qubits)
    assert gate is not None
    assert isinstance(gate.pulses[0].amplitude, Curve)
    return gate.pulses[0].amplitude


def bent(snapshot: Snapshot, name: str, qubits: tuple[int, ...], factor) -> Snapshot:
    """With amplitudes times a factor of the angle."""
    gate, curve = snapshot.gate(name, *qubits), knots(snapshot, name, *qubits)
    value = tuple((np.array(curve.value) * factor(np.array(curve.angle))).tolist())
    pulse = gate.pulses[0].model_copy(update={"amplitude": curve.model_copy(update={"value": value})})
    return with_gate(snapshot, gate.model_copy(update={"pulses": (pulse,)}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"halves": 5}, "make 5 half turns"),
        ({"parts": (0, 1, 2, 4, 4.1, 0)}, "make 6 half turns"),
        ({"parts": (1, 2, 3, 4, 0)}, "the first and the last none"),
        ({"parts": (0, 1, 1, 2, 0)}, "3 different angles"),
    ],
)
def test_trains_that_do_not_make_half_turns_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        RxCurveSettings(**wrong)


def test_rx_is_right_within_a_hundredth_at_every_angle(lab):
    device = lab()
    bench, targets = device.bench, [(0,), (2,), (4,)]
    bends = (0.06, -0.05, 0.03)
    for (q,), bend in zip(targets, bends, strict=True):
        bench.snapshot = bent(bench.snapshot, "rx", (q,), lambda angle, bend=bend: 1 + bend * (angle / np.pi) ** 2 - bend / 3)
    outcome = bench.run(routine("rx_curve"), targets)
    assert not outcome.refused
    for (q,) in targets:
        curve = knots(bench.snapshot, "rx", q)
        shape = drag_pulse(bench.snapshot, q)[1]
        levels = CubicSpline(curve.angle, curve.value)(np.abs(ANGLES))
        found = rotate(device.truth, q, shape.duration, shape.beta, levels)
        turned = 2 * np.arctan2(-(found[:, 0, 1] + found[:, 1, 0]).imag, (found[:, 0, 0] + found[:, 1, 1]).real)
        assert np.abs(turned) == pytest.approx(np.abs(ANGLES), rel=0.01)
        assert curve.value == pytest.approx([-value for value in curve.value[::-1]], abs=1e-8)


def test_rzz_is_right_within_a_hundredth_at_every_angle(lab):
    bench, targets = lab().bench, [(0, 1), (3, 4)]
    truth = bench.snapshot
    for pair, factor in zip(targets, (1.006, 0.99), strict=True):
        bench.snapshot = bent(bench.snapshot, "rzz", pair, lambda angle, factor=factor: np.full(angle.shape, factor))
    outcome = bench.run(routine("rzz_curve"), targets)
    assert not outcome.refused
    fits = bench.look(routine("rzz_curve"), targets)
    angles = np.pi / 2 * np.array([0.06, 0.2, 0.5, 0.8, 1.0])
    for pair, fit in zip(targets, fits, strict=True):
        right, found = (knots(s, "rzz", *pair) for s in (truth, bench.snapshot))
        amplitudes = CubicSpline(found.angle, found.value)(angles)
        # which angle the right curve would have played them for
        assert np.interp(amplitudes, right.value, right.angle) == pytest.approx(angles, rel=0.01, abs=1.5e-3)
        assert all(abs(p.value) < 4 * p.error + 3e-3 for p in fit.parameters.values()), fit


def test_a_device_without_rzz_says_so(lab):
    snapshot = five_ecr.snapshot()
    pair = next(gate.qubits for gate in snapshot.gates if len(gate.qubits) == 2)
    outcome = lab(five_ecr.device(), snapshot).bench.run(routine("rzz_curve"), [pair])
    assert "rzz" in outcome.refused[pair]
