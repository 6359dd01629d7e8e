"""Errors of points that something of unknown size moves, and what fits take off for the pulses that look."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import curve_fit

from qpu_calibration import bloch, decays, train
from qpu_calibration.bounds import Bounds
from qpu_calibration.curve import random_effect
from qpu_calibration.least_squares import descend
from qpu_calibration.routines import cr_tomography, readout_duration, readout_frequency, readout_power, rx_curve
from qpu_calibration.routines.rabi import bend
from qpu_calibration.routines.resonator_spectroscopy import answer
from qpu_calibration.search import Search, fit_curves, grid, in_step
from qpu_emulator import five
from qpu_emulator.bring_up.rotation import rotate

LINE = np.linspace(0.1, 2.0, 24)
MODELS = {
    "survival": (lambda x, *p: decays.survival(np.stack([x, x > 1]), 0.5, *p), 4),
    "turned": (lambda x, *p: train.turned(np.stack([x > 1, x % 0.3 > 0.1, x * 3, x * 7 % 3]), *p), 8),
    "turning": (lambda x, *p: cr_tomography.turning(np.stack([x, x * 7 % 3]), *p), 5),
    "apart": (lambda x, *p: readout_frequency.apart(x, *p, 0.1, 2.0), 4),
    "duration": (lambda x, *p: readout_duration.confusion(np.stack([x > 1, x / 2, x]), *p), 5),
    "power": (lambda x, *p: readout_power.confusion(np.stack([x, x / 2, x % 0.3]), *p), 4),
    "rx": (lambda x, *p: rx_curve.trains(np.stack([x / 2, x > 1, np.sign(x - 1)]), *p), 5),
}


@pytest.mark.parametrize("name", MODELS)
def test_many_curves_at_once_are_those_of_one_at_a_time(name, seed):
    model, count = MODELS[name]
    numbers = np.random.default_rng(seed).uniform(0.1, 0.9, (6, count))
    together = model(LINE, *numbers.T[:, :, None])
    assert together.shape == (6, len(LINE))
    assert np.abs(together - [model(LINE, *row) for row in numbers.tolist()]).max() < 1e-12


# the points of trains are the same for all targets
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"turned"}))
def test_curves_of_many_targets_are_those_of_one_at_a_time(name, seed):
    model, count = MODELS[name]
    numbers = np.random.default_rng(seed).uniform(0.1, 0.9, (3, 6, count))
    x = LINE * np.array([[1.0], [1.1], [0.9]])
    together = model(x[:, None], *np.moveaxis(numbers, -1, 0)[..., None])
    assert together.shape == (3, 6, len(LINE))
    assert np.abs(together - [model(*one) for one in zip(x, *np.moveaxis(numbers, -1, 0)[..., None], strict=True)]).max() < 1e-12


def faded(x, height, life, base):
    return base + height * np.exp(-x / life)


def test_the_best_of_several_starts_with_its_errors(seed):
    draw = np.random.default_rng(seed)
    sigma = draw.uniform(0.01, 0.03, len(LINE))
    y = faded(LINE, 0.9, 0.5, 0.1) + draw.normal(0, sigma)
    starts = grid(height=1.0, life=[0.01, 0.4, 3.0, 900.0], base=0.0)
    found = fit_curves([Search(faded, LINE, y, sigma, starts, {"life": (0.01, 1000.0), "base": (-0.3, 0.3)})])[0]
    value, spread = curve_fit(faded, LINE, y, (1.0, 0.4, 0.0), sigma, absolute_sigma=True)
    assert list(found.value.values()) == pytest.approx(value, rel=1e-5)
    chi_square = float(np.sum(((faded(LINE, *value) - y) / sigma) ** 2)) / (len(LINE) - 3)
    assert found.chi_square == pytest.approx(chi_square)
    grown = np.sqrt(np.diag(spread) * max(1.0, chi_square))
    assert list(found.error.values()) == pytest.approx(grown, rel=1e-4)


def test_no_parameter_leaves_its_bounds(seed):
    y = faded(LINE, 0.9, 0.5, 0.1)
    found = fit_curves(
        [Search(faded, LINE, y, np.full(len(LINE), 0.01), {"height": 1.0, "life": 9.0, "base": 0.0}, {"life": (0.7, 2.0)})]
    )[0]
    assert found.value["life"] == pytest.approx(0.7)
    assert found.value["life"] >= 0.7
    assert found.chi_square > 1


def bell(x, height, centre, width):
    return height / (1 + ((x - centre) / width) ** 2)


def test_a_line_that_is_narrow_beside_its_bounds_is_found_as_well_as_any(seed):
    near, wide = np.linspace(-5, 5, 41), 5e4
    y = bell(near, 0.9, 0.15, 1.0) + np.random.default_rng(seed).normal(0, 0.03, len(near))
    starts, bounds = {"height": 0.8, "centre": 5e9, "width": 1.5 * wide}, {"centre": (4e9, 6e9), "width": (1e4, 1e8)}
    found = fit_curves([Search(bell, 5e9 + near * wide, y, np.full(len(y), 0.03), starts, bounds)])[0]
    height, centre, width = curve_fit(bell, near, y, (0.9, 0.15, 1.0), xtol=1e-14, ftol=1e-14)[0]
    for name, best in (("height", height), ("centre", 5e9 + centre * wide), ("width", width * wide)):
        assert found.value[name] == pytest.approx(best, rel=0, abs=3e-3 * found.error[name])


@pytest.mark.parametrize("begin", [1.0, 3e-3, 1e-9])
def test_a_number_that_ends_at_its_bound_is_found_in_few_steps_and_leaves_the_others_their_errors(seed, begin):
    """A line that rises by nature, through points that fall."""
    looks, sigma = [], np.random.default_rng(seed).uniform(0.01, 0.03, len(LINE))

    def line(x, base, slope):
        looks.append(1)
        return base + slope * x

    y = 0.4 - 0.02 * LINE + np.random.default_rng(seed + 1).normal(0, sigma)
    found = fit_curves([Search(line, LINE, y, sigma, {"base": 0.1, "slope": begin}, {"slope": (0.0, 3.0)})])[0]
    assert len(looks) < 22
    assert found.value["slope"] == pytest.approx(0.0, abs=1e-8)
    assert found.value["base"] == pytest.approx(np.average(y, weights=sigma**-2), abs=1e-6)
    ways = np.stack([np.ones(len(LINE)), LINE]) / sigma
    free = np.sqrt(np.diag(np.linalg.inv(ways @ ways.T)))
    grown = np.sqrt(max(1.0, found.chi_square))
    assert list(found.error.values()) == pytest.approx(free * grown, rel=1e-4)
    assert np.sqrt(np.diag(found.cover)) == pytest.approx(free * grown, rel=1e-4)


@pytest.mark.parametrize(("targets", "creeps"), [([0, 1], True), ([0, 0], False)])
def test_a_search_that_creeps_goes_on_only_where_its_target_has_nothing_better(targets, creeps):
    """Rosenbrock's valley, whose end lies above that of a bowl."""
    looks = [0, 0]

    def residuals(which):
        def left(numbers):
            for search in which:
                looks[search] += 1
            first, second = np.moveaxis(numbers, -1, 0)
            valley = np.stack([100 * (second - first**2), 1 - first, np.full(first.shape, 3.0)], axis=-1)
            bowl = np.stack([first, second, np.zeros(first.shape)], axis=-1)
            return np.where((which == 0)[:, None, None], bowl, valley)

        return left

    ends = descend(residuals, np.array([[1.0, 1.0], [-1.2, 1.44]]), Bounds.of(["first", "second"], [{}, {}]), np.array(targets))
    assert ends.square[0] < 1e-9
    assert ends.square[1] == pytest.approx(9.0, abs=1e-6 if creeps else 1.0)
    assert (looks[1] > 70) is creeps


def test_free_numbers_stand_for_bounded_ones():
    within = Bounds.of(["height", "life"], [{"life": (2.0, 6.0)}, {"life": (-1.0, 0.0)}])
    numbers = np.array([[[0.3, 2.1], [9.0, -0.4]], [[-7.0, 6.0], [0.0, -1.0]]])
    free = within.free(numbers)
    assert within.bound(free) == pytest.approx(numbers)
    assert within.at(np.array([1])).bound(free[:, 1:]) == pytest.approx(numbers[:, 1:])
    slopes = (within.bound(free + 1e-6) - within.bound(free - 1e-6)) / 2e-6
    assert within.slope(free) == pytest.approx(slopes, abs=1e-5)
    away = Bounds.of(["life"], [{"life": (2.0, 6.0)}])
    for free in (np.array([[-np.pi / 2 + 0.03]]), np.array([[5 * np.pi / 2 - 0.03]])):
        steps = np.array([1e-4, 0.0, -1e-4])[:, None, None]
        more, there, less = away.bound(free + steps)
        assert away.bend(free) * away.slope(free) == pytest.approx((more - 2 * there + less) / 1e-8, rel=1e-4)
    assert not away.bend(np.array([[0.9]])).any()
    assert away.off(np.array([[2.0], [4.5], [6.0]])) == pytest.approx(np.array([[2.0 + 4e-9], [4.5], [6.0 - 4e-9]]), abs=1e-15)


def test_points_that_no_curve_goes_through():
    y = np.full(len(LINE), np.nan)
    found = fit_curves([Search(faded, LINE, y, np.ones(len(LINE)), {"height": 1.0, "life": 9.0, "base": 0.0})])[0]
    assert np.isnan(found.value["life"])
    assert found.error["life"] == np.inf


def test_a_grid_has_every_combination():
    starts = grid(height=1.0, life=[0.1, 0.2, 0.3], base=np.array([-1.0, 1.0]))
    assert starts["height"] == 1.0
    assert sorted(zip(starts["life"], starts["base"], strict=True)) == sorted(product([0.1, 0.2, 0.3], [-1.0, 1.0]))


def asked(life, draw, points=24):
    x = np.linspace(0.1, 2.0 * life, points)
    y = faded(x, 0.9, life, 0.1) + draw.normal(0, 0.02, points)
    starts = grid(height=1.0, life=life * np.array([0.3, 1.0, 3.0, 30.0]), base=0.0)
    return Search(faded, x, y, np.full(points, 0.02), starts, {"life": (0.01 * life, 100 * life)})


def test_curves_do_not_depend_on_their_company(seed):
    draw = np.random.default_rng(seed)
    searches = [asked(life, draw, points) for life in (0.2, 1.0, 40.0) for points in (24, 24, 30)]
    for one, search in zip(fit_curves(searches), searches, strict=True):
        (alone,) = fit_curves([search])
        assert list(one.value.values()) == pytest.approx(list(alone.value.values()), rel=1e-9)
        assert list(one.error.values()) == pytest.approx(list(alone.error.values()), rel=1e-7)
        assert list(one.value) == list(alone.value)


def test_a_curve_that_cannot_be_made_is_told_to_who_asked_for_it(seed):
    def once(search):
        try:
            found = yield search
        except ValueError as error:
            return str(error)
        return (yield Search(faded, search.x, search.y, search.sigma, found.value)).value["life"]

    def broken(x, height, life, base):
        raise ValueError("no such curve")

    draw = np.random.default_rng(seed)
    first, second = asked(1.0, draw), asked(2.0, draw)
    found = in_step([once(first), once(Search(broken, first.x, first.y, first.sigma, first.starts)), once(second)])
    assert found[1] == "no such curve"
    assert found[::2] == pytest.approx([1.0, 2.0], rel=0.3)


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
