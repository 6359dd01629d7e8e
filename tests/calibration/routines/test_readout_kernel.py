from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest

from qpu_calibration.routines.readout_kernel import ReadoutKernel

QUBITS = 300
LOUD = 2000.0


@pytest.fixture
def heard(stored: Callable[[str], xr.Dataset], rng: np.random.Generator) -> tuple[xr.Dataset, np.ndarray]:
    """Traces of many qubits with white noise, and the same without it."""
    data = stored("readout_kernel").isel(qubit=np.zeros(QUBITS, int)).assign_coords(qubit=np.arange(QUBITS))
    rising = 1 - np.exp(-np.arange(data.sizes["sample"]) / 100)
    # far from the origin, as a tone that passes the resonator is
    true = LOUD * np.stack([(3 + 0.5j) * rising, (3 + 0.5j) * rising + (0.6 - 0.8j) * rising**2])
    noise = LOUD / 4 * (rng.normal(size=data["iq"].shape) + 1j * rng.normal(size=data["iq"].shape))
    return data.assign(iq=(data["iq"].dims, true + noise)), true


def test_errors_of_the_line_are_those_of_the_kernel_that_was_found(heard: tuple[xr.Dataset, np.ndarray]) -> None:
    data, true = heard
    angles, thresholds = [], []
    for fit in ReadoutKernel().fit(data):
        assert fit.good, fit.reason
        weights = np.repeat(
            np.array(fit.series["real"]) + 1j * np.array(fit.series["imag"]), np.array(fit.series["repeats"], int)
        )
        zero, one = true @ weights
        angles.append((fit["angle"] - np.angle(one - zero)) / fit.error("angle"))
        thresholds.append((fit["threshold"] - ((zero + one) / 2 * np.exp(-1j * fit["angle"])).real) / fit.error("threshold"))
    for scores in (angles, thresholds):
        assert np.std(scores) == pytest.approx(1, abs=0.13)
        assert kstest(scores, "norm").pvalue > 1e-3
