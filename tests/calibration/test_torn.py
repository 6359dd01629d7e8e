"""What fades along a sweep, and what is lost at once."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.search import Search, in_step
from qpu_calibration.torn import torn

WAITS, SIGMA, LEVEL = np.linspace(0, 1.6, 30) ** 1.5, 0.04, 0.1
DRAWS = 300


def envelope(x, height, rate, slow):
    return LEVEL + height * np.exp(-rate * x - slow * x**2)


def asked(y, sigma):
    curve = Search(envelope, WAITS, y, sigma, {"height": 1.0, "rate": 0.5, "slow": 0.5})
    found = yield curve
    return (yield from torn(curve, found, WAITS, LEVEL))


def judged(rng, truth, lost_from=None, scatter=1.0):
    """Of many draws, the share that is called torn."""
    y = truth + scatter * SIGMA * rng.normal(size=(DRAWS, WAITS.size))
    if lost_from is not None:
        y[:, lost_from:] = LEVEL + SIGMA * rng.normal(size=y[:, lost_from:].shape)
    return np.mean(in_step([asked(one, np.full(WAITS.size, SIGMA)) for one in y]))


@pytest.mark.parametrize(("rate", "slow"), [(1.0, 0.0), (0.0, 1.0), (0.3, 5.0), (4.0, 0.0), (0.0, 0.0)])
def test_what_fades_is_not_torn(rng, rate, slow):
    assert judged(rng, envelope(WAITS, 1.0, rate, slow)) == 0


def test_what_fades_and_scatters_ten_times_as_its_shots_do_while_it_lasts_is_not_torn(rng):
    truth = envelope(WAITS, 1.0, 0.0, 1.0)
    assert judged(rng, truth, scatter=1 + 9 * (truth - LEVEL)) <= 0.01


@pytest.mark.parametrize("lost_from", [10, 15, 20])
def test_what_is_lost_at_once_is_torn(rng, lost_from):
    # one whose first lost point is off by three errors may pass
    assert judged(rng, envelope(WAITS, 1.0, 0.5, 0.2), lost_from) > 0.97


def test_what_was_lost_when_it_had_all_but_faded_is_not_told(rng):
    assert judged(rng, envelope(WAITS, 1.0, 2.0, 0.0), 25) == 0
