"""Short form of `tests.proofs.calibration`: two qubits of which only the design is known, and a dead third."""

from __future__ import annotations

import pytest

from tests.proofs.calibration import Plant, calibrated, faults, numbers


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_an_unknown_device_calibrates_itself(family, seed):
    targets = [(0,), (2,)]
    found = calibrated(seed % 1000, family, 3, [0, 2], pairs=False, plant=Plant("dead qubit", (2,)))
    known = numbers(found, targets)
    assert faults(found, known, targets) == []
    scores = {name: value for name, value in known[(0,)].items() if name.startswith("z ")}
    assert all(abs(score) < 5 for score in scores.values()), scores
