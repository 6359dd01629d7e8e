from __future__ import annotations

import numpy as np
import pytest

from qpu_calibration.median import median


@pytest.mark.parametrize("count", [1, 2, 7, 1500])
def test_medians_are_those_of_numpy(count, rng):
    for numbers in (rng.normal(size=(3, count)), rng.normal(size=(2, 3, count)).astype(np.float32), rng.integers(0, 3, count)):
        assert np.array_equal(median(numbers), np.median(numbers, axis=-1))
