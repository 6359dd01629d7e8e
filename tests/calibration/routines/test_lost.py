"""A readout that falls over while something fades: what is measured from then on is no fading."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.routines.t1 import Waits, mixed, spread
from qpu_emulator import five
from tests.calibration.test_every_routine import agree

FADING = ("t1", "echo", "t2_star")


@pytest.mark.parametrize("settings", [Waits(points=21), Waits(points=17, longest=40.0, shortest=1 / 40)])
def test_any_third_of_the_waits_is_spread_over_all(settings):
    snapshot = five.snapshot()
    waits = mixed(spread(snapshot, [snapshot.qubits[0].t1], settings)).values
    assert waits[0] == 0
    ranks, third = np.argsort(np.argsort(waits)), waits.size // 3
    for begin in range(waits.size - third):
        gaps = np.diff(np.sort(ranks[begin : begin + third]), prepend=-1, append=waits.size)
        assert gaps.max() <= 6


@pytest.mark.parametrize("moment", [0.25, 0.4, 0.6, 0.75])
@pytest.mark.parametrize("level", [0.03, 0.5, 0.9])
@pytest.mark.parametrize("name", FADING)
def test_what_is_lost_from_a_moment_on_is_not_taken_for_faded(stored, rng, name, level, moment):
    data = stored(name)
    # rows in the order in which they are played
    rows = data["ones"].values.copy().reshape(data.sizes["qubit"], -1)
    lost = rows[:, round(moment * rows.shape[1]) :]
    lost[:] = rng.binomial(data.attrs["shots"], level, lost.shape) / data.attrs["shots"]
    one, spoilt = routine(name), data.assign(ones=(data["ones"].dims, rows.reshape(data["ones"].shape)))
    for fit, before in zip(one.fit(spoilt), one.fit(data), strict=True):
        assert not fit.good or agree(fit, before), f"{fit} instead of {before}"
