"""Short form of `tests.proofs.calibration`: one seed, two qubits, and a dead third."""

from __future__ import annotations

import pytest

from tests.proofs.calibration import calibrated, device, faults, judged


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_an_unknown_device_calibrates_itself(family, seed):
    truth, believed = device(seed % 1000, family, size=3, dead=2)
    found = calibrated(truth, believed, seed, [0, 2], pairs=False)
    assert faults(found, [0, 2], dead=2) == []
    scores = {name: value for name, value in judged(found, 0).items() if name.startswith("z ")}
    assert all(abs(score) < 5 for score in scores.values()), scores
