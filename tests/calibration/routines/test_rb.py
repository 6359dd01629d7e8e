"""Randomized benchmarking finds what relaxation leaves, and sees a pulse that is wrong."""

from __future__ import annotations

import pytest

from qpu_calibration.catalog import routine
from qpu_calibration.edit import amplitude, flux_level, with_amplitude, with_error, with_flux

FEW = {"shots": 200, "samples": 3}


def quick(name, lengths):
    return routine(name).settings.model_copy(update={**FEW, "lengths": lengths})


def test_error_of_single_qubits(lab):
    bench = lab().bench
    limit = {q: bench.snapshot.gate("sx", q).error for q in (0, 2)}
    wrong = 0.03
    bench.snapshot = with_amplitude(bench.snapshot, 2, "sx", (1 + wrong) * amplitude(bench.snapshot, 2, "sx"))
    for q in limit:
        bench.snapshot = with_error(bench.snapshot, "sx", (q,), 0.1)
    outcome = bench.run(routine("rb"), [(0,), (2,)], quick("rb", (1, 150, 500)))
    assert not outcome.refused
    right = outcome.fits[(0,)]
    assert right["error"] == pytest.approx(limit[0], rel=0.15, abs=4 * right.error("error"))
    for name in ("sx", "x"):
        assert bench.snapshot.gate(name, 0).error == pytest.approx(right["error"], rel=1e-4)
    # a rotation that is off by an angle loses a sixth of its square
    bad = outcome.fits[(2,)]
    assert bad["error"] == pytest.approx(limit[2] + (wrong * 1.5708) ** 2 / 6, rel=0.2, abs=4 * bad.error("error"))


def test_error_of_a_coupler(lab):
    bench = lab().bench
    limit = bench.snapshot.gate("cz", 0, 1).error
    bench.snapshot = with_flux(bench.snapshot, (3, 4), 1.01 * flux_level(bench.snapshot, (3, 4)))
    outcome = bench.run(routine("rb2"), [(0, 1), (3, 4)], quick("rb2", (1, 25, 60)))
    assert outcome.fits[(3, 4)]["error"] > 2 * limit
    right = outcome.fits[(0, 1)]
    assert right["error"] == pytest.approx(limit, rel=0.2, abs=4 * right.error("error"))
    assert right["error_per_clifford"] < 5 * limit
