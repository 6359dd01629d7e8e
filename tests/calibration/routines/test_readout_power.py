"""Readout power: a quiet or short readout becomes a good one, and the chain after it finds its line again."""

from __future__ import annotations

import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import with_measure
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
