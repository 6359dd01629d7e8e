"""Readout power and duration: a quiet or short readout becomes a good one, and the chain after it finds its line again."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import with_measure
from qpu_calibration.routines.readout_duration import confusion
from qpu_calibration.routines.readout_power import with_length

APART = [(0,), (2,), (4,)]


def test_a_quiet_readout_becomes_as_good_as_the_line_allows(lab):
    bench = lab().bench
    before = {q: bench.snapshot.measure(q) for (q,) in APART}
    for (q,), level in zip(APART, (0.07, 0.1, 0.18), strict=True):
        bench.snapshot = with_measure(with_length(bench.snapshot, q, 600), q, amplitude=level)
    for name in ("readout_power", "readout_kernel", "readout"):
        outcome = bench.run(routine(name), APART)
        assert not outcome.refused
    for (q,) in APART:
        measure = bench.snapshot.measure(q)
        assert measure.acquire_duration > 600
        assert measure.amplitude <= 0.2
        assert measure.duration - measure.acquire_duration == before[q].duration - before[q].acquire_duration
        error = outcome.fits[(q,)].error("prob_meas0_prep1")
        found, known = (m.prob_meas1_prep0 + m.prob_meas0_prep1 for m in (measure, before[q]))
        assert found < 1.3 * known + 3 * error


def test_a_readout_as_good_as_the_best_stays(lab):
    bench = lab().bench
    for name in ("readout_power", "readout_kernel", "readout"):
        assert not bench.run(routine(name), APART).refused
    (fit, *_) = bench.look(routine("readout_power"), APART)
    assert fit["error_in_use"] == pytest.approx(fit["error"], abs=3 * fit.error("error"))


def test_a_tone_without_plateau_says_so(lab):
    bench = lab().bench
    bench.snapshot = with_measure(bench.snapshot, 0, waveform="drag0")
    assert "plateau" in bench.run(routine("readout_power"), [(0,)]).refused[(0,)]


@pytest.mark.parametrize("best", [700.0, 1500.0])
def test_the_least_of_the_curve_is_where_it_says(best):
    """A clock of relaxation against one of signal: the parameter is the minimum of the mean of both levels."""
    samples = np.arange(200.0, 4000.0)
    shape = {"part": 0.12, "lag": 150.0, "best": best, "floor": 0.003, "decayed": 0.006}
    given = (np.stack([np.full(samples.shape, level), np.full(samples.shape, 32.0), samples]) for level in (0.0, 1.0))
    levels = [confusion(one, **shape) for one in given]
    assert samples[np.argmin(levels[0] + levels[1])] == pytest.approx(best, abs=1)
    assert np.ptp(levels[1] - levels[0]) > 0


def test_a_readout_of_a_wrong_length_becomes_as_long_as_its_qubits_live(lab):
    bench = lab().bench
    error = {}
    for times in (1.0, 0.5, 2.0):
        before = bench.snapshot
        for (q,) in APART:
            bench.snapshot = with_length(bench.snapshot, q, times * 800)
        # a very short one shows first only that the longest tried is better
        for name in ("readout_duration", "readout_duration", "readout_kernel", "readout"):
            outcome = bench.run(routine(name), APART)
            assert not outcome.refused
        error[times] = [(bench.snapshot.measure(q).acquire_duration, outcome.fits[(q,)]) for (q,) in APART]
        bench.snapshot = before
    for (first, fit), *others in zip(*error.values(), strict=True):
        assert 1000 < first < 1700
        known = fit["prob_meas1_prep0"] + fit["prob_meas0_prep1"]
        for samples, other in others:
            # within the stated errors of either, which are some 6 % each
            assert samples == pytest.approx(first, rel=0.4)
            assert other["prob_meas1_prep0"] + other["prob_meas0_prep1"] < 1.2 * known + 4 * other.error("prob_meas0_prep1")


def test_a_length_that_is_as_good_stays(lab):
    bench = lab().bench
    for _ in range(2):
        before = bench.snapshot
        assert not bench.run(routine("readout_duration"), APART).refused
    assert bench.snapshot is before
