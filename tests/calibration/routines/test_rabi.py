from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.execution import Execution
from qpu_bridge.schedule import Bounds
from qpu_calibration.edit import amplitude, with_amplitude
from qpu_calibration.routines.rabi import Rabi, RabiSettings
from qpu_emulator import five
from tests.calibration.conftest import qubits


def test_stored_data_give_the_amplitude(stored):
    fits = Rabi().fit(stored("rabi"))
    assert [fit.target for fit in fits] == [(0,), (2,)]
    for fit in fits:
        assert fit.good
        assert fit["pi_amplitude"] == pytest.approx(amplitude(five.snapshot(), fit.qubit), abs=4 * fit.error("pi_amplitude"))


def test_noise_alone_is_no_oscillation(stored, rng):
    data = stored("rabi")
    noise = rng.normal(0, 400, (*data["iq"].shape, 2)) @ [1, 1j]
    fits = Rabi().fit(data.assign(iq=(data["iq"].dims, noise)))
    assert not any(fit.good for fit in fits)
    assert all("noise" in fit.reason or "pi pulses" in fit.reason for fit in fits)


def test_a_spoiled_amplitude_is_repaired(lab):
    bench = lab().bench
    truth = bench.snapshot
    for q in range(5):
        bench.snapshot = with_amplitude(bench.snapshot, q, "x", amplitude(truth, q) * (0.6 + 0.2 * q))
    outcome = bench.run(Rabi(), qubits(truth))
    assert not outcome.refused
    assert outcome.changed == tuple(qubits(truth))
    for q in range(5):
        fit = outcome.fits[(q,)]
        # the third level makes a pi pulse of DRAG shape a little weaker than the period says
        assert amplitude(bench.snapshot, q) == pytest.approx(amplitude(truth, q), rel=0.01)
        assert amplitude(bench.snapshot, q, "sx") == pytest.approx(amplitude(bench.snapshot, q) / 2, abs=1e-8)
        assert fit.error("pi_amplitude") < 0.01 * fit["pi_amplitude"]
        assert Rabi().deviation(bench.snapshot, fit) < 1e-6


def test_a_fit_beyond_full_scale_is_refused_by_the_guard(lab):
    bench = lab().bench
    outcome = bench.run(Rabi(), [(0,)])
    fit = outcome.fits[(0,)]
    loud = fit.model_copy(
        update={"parameters": {"pi_amplitude": fit.parameters["pi_amplitude"].model_copy(update={"value": 1.2})}}
    )

    class Wrong(Rabi):
        def fit(self, data):
            return (loud,)

    before = bench.snapshot
    outcome = bench.run(Wrong(), [(0,)])
    assert bench.snapshot is before
    assert "at most" in outcome.refused[(0,)]
    assert not outcome.changed


def test_the_scan_never_goes_beyond_full_scale(lab):
    bench = lab().bench
    limits = bench.execution.capabilities.limits
    axis = Rabi().plan(bench.snapshot, [(0,), (1,)], RabiSettings(most=50.0), limits).axes[0]
    assert np.all(np.abs(axis.values) <= 1)
    assert np.all(axis.values[:, -1] > 0.9)


def test_the_scan_ends_at_the_bound_of_its_line(lab):
    bench = lab().bench
    bound = Bounds.model_validate({"drive": {"max_amplitude": 0.6}, "lines": {"d2": {"max_amplitude": 0.5}}})
    known = bench.execution.capabilities
    bench.execution = Execution(bench.execution.driver, known.model_copy(update={"limits": bound.narrow(known.limits)}))
    outcome = bench.run(Rabi(), qubits(bench.snapshot))
    assert not outcome.refused
    tops = outcome.looks[0].data["amplitude"].values[:, -1]
    assert tops[[0, 1, 3, 4]] == pytest.approx(0.6, rel=3e-3)
    assert tops[2] == pytest.approx(0.5, rel=3e-3)
    for q in range(5):
        fit = outcome.fits[(q,)]
        assert fit["pi_amplitude"] == pytest.approx(amplitude(five.snapshot(), q), abs=4 * fit.error("pi_amplitude"))
