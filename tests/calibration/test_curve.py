"""Errors of points that something of unknown size moves, and what fits take off for the pulses that look."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration import bloch
from qpu_calibration.curve import random_effect
from qpu_calibration.routines.rabi import bend
from qpu_calibration.routines.resonator_spectroscopy import answer
from qpu_emulator import five
from qpu_emulator.bring_up.rotation import rotate


@pytest.mark.parametrize("size", [0.0, 0.04])
def test_a_random_effect_is_as_large_as_residuals_say(size, seed):
    draw, pattern = np.random.default_rng(seed), np.linspace(0, 1, 400)
    rest = draw.normal(0, np.hypot(0.01, size * pattern))
    found = random_effect(np.full(400, 0.01), pattern, rest, 0, 0.1)
    assert found[0] == 0.01
    assert found[-1] == pytest.approx(np.hypot(0.01, size), rel=0.25)


def test_a_long_capture_hears_a_steady_resonator_and_a_short_one_its_ringing():
    off = np.linspace(-5e6, 5e6, 11)
    steady = 1 / (1 - 2j * off / 2e6)
    assert np.abs(answer(off, 2e6, 50e-6, 80e-6) - steady).max() < 1e-9
    # the field, step by step, of a resonator that starts empty
    dt, field, heard = 1e-10, np.zeros(11, complex), np.zeros(11, complex)
    rate = np.pi * (2e6 - 2j * off)
    for tick in range(8000):
        field = field * np.exp(-rate * dt) + np.pi * 2e6 * dt
        heard += field if tick >= 300 else 0
    assert np.abs(answer(off, 2e6, 30e-9, 800e-9) - heard / 7700).max() < 1e-3


def test_strong_pulses_turn_less_by_what_is_reckoned():
    snapshot, truth = five.snapshot(), five.device()
    gate = snapshot.gate("x", 0)
    assert gate is not None
    level, shape = gate.pulses[0].amplitude, snapshot.waveforms[gate.pulses[0].waveform]
    weak, strong = rotate(truth, 0, shape.duration, shape.beta, np.array([0.1, 1.0]) * level)
    angles = [2 * np.arctan2(abs(u[0, 1]), abs(u[0, 0])) for u in (weak, strong)]
    assert 1 - angles[1] / angles[0] / 10 == pytest.approx(0.99 * bend(snapshot, 0) * level**2, rel=0.1)


def test_a_pulse_to_the_equator_is_there_for_three_fifths_of_its_time():
    snapshot = five.snapshot()
    shape = snapshot.waveforms[snapshot.gate("sx", 0).pulses[0].waveform]
    assert 0.5 < bloch.exposed(snapshot, 0) / (shape.duration * 1e-9) < 0.7
