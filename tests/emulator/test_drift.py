"""Drift: exact processes of the device's own time, and a device that follows them."""

import numpy as np
import pytest

from qpu_emulator import five
from qpu_emulator.chip.drift import aged, at, drifts, typical
from qpu_emulator.chip.wander import Defect, ornstein_uhlenbeck, telegraph

MANY = np.arange(4000)
ONE = np.ones(len(MANY))


@pytest.mark.parametrize(("early", "late"), [(3.0, 3.4), (0.5, 2.0), (31.9, 32.3), (70.0, 71.0)])
def test_wandering_is_an_ornstein_uhlenbeck_process_from_zero(early, late, seed):
    """Cov(x(s), x(t)) = exp(-(t - s)) - exp(-(s + t)), also across the ends of a cell (32)."""
    before, after = (ornstein_uhlenbeck(seed, MANY, time, ONE) for time in (early, late))
    wanted = np.exp(-(late - early)) - np.exp(-(late + early))
    assert np.mean(before * after) == pytest.approx(wanted, abs=4 * 1.5 / np.sqrt(len(MANY)))
    assert np.mean(after**2) == pytest.approx(1 - np.exp(-2 * late), abs=4 * 1.5 / np.sqrt(len(MANY)))


def test_wandering_is_continuous_and_starts_at_zero(seed):
    path = np.array([ornstein_uhlenbeck(seed, MANY[:200], time, ONE[:200]) for time in np.linspace(0, 0.01, 11)])
    assert np.abs(path[0]).max() == 0.0
    assert np.diff(path, axis=0).std() == pytest.approx(np.sqrt(2 * 0.001), rel=0.1)


@pytest.mark.parametrize(("early", "late"), [(0.0, 1.5), (4.0, 6.0), (52.0, 54.0)])
def test_defects_come_and_go_at_their_rates(early, late, seed):
    """A telegraph process of stays of 2 and absences of 4: P(near later) follows from P(near now) by exp(-t (1/2 + 1/4))."""
    first = np.zeros(len(MANY), bool)
    before, after = (telegraph(seed, MANY, time, 2 * ONE, 4 * ONE, first) for time in (early, late))
    for state in (False, True):
        if (before == state).any():
            here = after[before == state]
            wanted = 1 / 3 + (state - 1 / 3) * np.exp(-(late - early) * 0.75)
            assert here.mean() == pytest.approx(wanted, abs=4 * 0.5 / np.sqrt(len(here)))


def test_a_device_drifts_by_what_its_file_says(truth):
    device = typical(truth)
    assert not drifts(truth)
    assert at(truth, 5.0) is truth
    assert at(device, 0.0).transmons[0].frequency == truth.transmons[0].frequency
    shifts, stretch, life = [], [], []
    for number in range(60):
        later = at(device.model_copy(update={"seed": number}), 200.0)
        for new, old in zip(later.transmons, truth.transmons, strict=True):
            shifts.append(new.frequency - old.frequency)
            stretch.append(np.log(next(iter(new.rabi.values())) / next(iter(old.rabi.values()))))
            life.append(new.t1 / old.t1)
            assert new.dephasing_rate == pytest.approx(old.dephasing_rate)
    # the defect is near for a sixth of the time and then adds 2 kHz
    assert np.std(shifts) == pytest.approx(np.hypot(1500, 2000 * np.sqrt(5) / 6), rel=0.15)
    assert np.std(stretch) == pytest.approx(0.003, rel=0.15)
    assert 0.15 < np.mean(np.array(life) < 0.75) < 0.25
    assert np.median(life) == pytest.approx(1.0, abs=0.08)


def test_the_same_moment_is_the_same_device(truth):
    device = typical(truth)
    assert at(device, 7.25) == at(device, 7.25) != at(device, 7.3)
    assert at(device, 7.25, scale=0.0) is device


def test_a_scale_stretches_what_has_moved(truth):
    device = typical(truth)
    once, twice = (at(device, 9.0, scale).transmons[2].frequency - truth.transmons[2].frequency for scale in (1.0, 2.0))
    assert twice == pytest.approx(2 * once)


def test_an_aged_device_goes_on_from_where_it_is():
    device = typical(five.device())
    old = aged(device, 30.0)
    for now, later in zip(at(old, 0.0).transmons, at(device, 30.0).transmons, strict=True):
        assert now.frequency == pytest.approx(later.frequency, abs=1e-3)
        assert now.t1 == pytest.approx(later.t1)
    assert old.transmons[0].wander == device.transmons[0].wander
    plain = aged(five.device(), 30.0)
    assert not drifts(plain)
    assert plain.transmons[0].frequency == pytest.approx(at(device, 30.0).transmons[0].frequency)


def test_a_defect_that_is_near_shortens_t1(truth):
    transmon = truth.transmons[0].model_copy(update={"defects": (Defect(relaxation=5000.0, shift=-3e3, near=True),)})
    device = truth.model_copy(update={"transmons": (transmon, *truth.transmons[1:])})
    now = at(device, 0.0).transmons[0]
    assert now.t1 == pytest.approx(1 / (1 / transmon.t1 + 5000.0))
    assert now.frequency == transmon.frequency - 3e3
