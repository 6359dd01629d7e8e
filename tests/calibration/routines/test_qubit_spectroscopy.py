from __future__ import annotations

import numpy as np

from qpu_calibration.line import peak
from qpu_calibration.measured import Measured
from qpu_calibration.routines.qubit_spectroscopy import QubitSpectroscopy
from qpu_calibration.search import in_step

STEP_HZ, LINES, F01 = 200e3, 200, 5e9


def test_errors_hold_where_projection_noise_is_most_of_the_noise(rng):
    """A contrast of two digitizer units per 0.2 of noise: what is answered scatters by which level it was, only on the flanks."""
    z = []
    routine = QubitSpectroscopy()
    shots = 50
    x = F01 + STEP_HZ * np.arange(-20, 21)
    for _ in range(LINES):
        centre = F01 + rng.uniform(-0.4e6, 0.4e6)
        found = rng.binomial(shots, peak(x, 0.79, centre, 0.43e6, 0.0)) / shots
        iq = 2.0 * found + rng.normal(0, 0.2 / np.sqrt(shots), (len(x), 2)) @ [1, 1j]
        attrs = {"shots": shots, "settings": routine.settings.model_dump_json()}
        data = Measured({"iq": iq, "frequency": x}, dict.fromkeys(("iq", "frequency"), ("frequency_point",)), attrs)
        (fit,) = in_step([routine.fit_one(data)])
        assert fit.good, fit.reason
        z.append((fit["f01"] - centre) / fit.error("f01"))
    assert abs(np.mean(z)) < 4 / LINES**0.5
    assert 0.75 < np.std(z) < 1.2
