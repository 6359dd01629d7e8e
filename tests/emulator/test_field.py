"""Driven fields of a resonator against their differential equation, solved by SciPy."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qpu_emulator.readout.field import Tones, carry, silence

_TAU = 2 * np.pi
_RATES = np.pi * 2.4e6 + 1j * _TAU * 1.15e6 * np.array([-1.0, 1.0, 2.6])
_EDGES = np.array([20e-9, 120e-9, 150e-9, 400e-9])
_PIECES = np.array([[2e7, 0.0], [1e7, 4e6j], [0.0, 8e6]], complex)
_STRENGTH = np.array([[0.3, 0.5j], [1.0, -0.7]])
_BEAT = _TAU * np.array([[60e6, 24e6], [0.0, -35e6]])
_BEGUN = np.array([0.0, 1e-7])


def _equation(lane, first, start, stop):
    """Fields, and the integral of ``i (Delta_1 - Delta_0) alpha_1 conj(alpha_0)``."""

    def slope(t, y):
        place = np.searchsorted(_EDGES, t - _BEGUN[lane], side="right")
        drive = 0.0
        if 0 < place < len(_EDGES):
            drive = np.sum(_PIECES[place - 1] * _STRENGTH[:, lane] * np.exp(-1j * _BEAT[:, lane] * t))
        return np.append(-_RATES * y[:3] + drive, 1j * (_RATES[1] - _RATES[0]).imag * y[1] * np.conj(y[0]))

    # piece by piece, for a solver of high order wants smooth slopes
    stops = np.unique(np.clip(np.append(_EDGES + _BEGUN[lane], [start, stop]), start, stop))
    y = np.append(first, 0.0).astype(complex)
    for begin, end in pairwise(stops):
        inside = solve_ivp(slope, (begin + 1e-18, end - 1e-18), y, method="DOP853", rtol=1e-11, atol=1e-13, max_step=2e-9)
        y = inside.y[:, -1]
    return y[:3], y[3]


def test_driven_fields_are_those_of_the_differential_equation():
    until, now = np.array([0.0, 5e-8]), np.array([7e-7, 3.5e-7])
    first = np.array([[0.0, 0.0, 0.0], [0.6, 0.2j, -0.1]], complex)
    fields = first.copy()
    lost = carry(fields, until, now, _RATES, Tones(_EDGES, _PIECES, _STRENGTH, _BEAT, _BEGUN))
    for lane in range(2):
        wanted, exponent = _equation(lane, first[lane], until[lane], now[lane])
        assert fields[lane] == pytest.approx(wanted, abs=1e-8)
        assert lost[lane] == pytest.approx(exponent, abs=1e-8)
    assert abs(lost).min() > 1e-3


def test_a_walk_in_steps_is_a_walk_at_once():
    tones = Tones(_EDGES, _PIECES, _STRENGTH, _BEAT, _BEGUN)
    once, steps = (np.full((2, 3), 0.3 + 0.1j) for _ in range(2))
    whole = carry(once, np.zeros(2), np.full(2, 6e-7), _RATES, tones)
    moments = np.linspace(0, 6e-7, 14)
    parts = [carry(steps, np.full(2, begin), np.full(2, end), _RATES, tones) for begin, end in pairwise(moments)]
    assert sum(parts) == pytest.approx(whole, abs=1e-12)
    assert steps == pytest.approx(once, abs=1e-12)


def test_alone_a_field_rings_down():
    fields = np.ones((1, 3), complex)
    lost = carry(fields, np.zeros(1), np.full(1, 3e-7), _RATES, silence(1))
    assert fields[0] == pytest.approx(np.exp(-_RATES * 3e-7))
    rate, apart = _RATES[1] + np.conj(_RATES[0]), (_RATES[1] - _RATES[0]).imag
    assert lost[0] == pytest.approx(1j * apart * (1 - np.exp(-rate * 3e-7)) / rate)
