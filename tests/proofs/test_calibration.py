"""Short form of `tests.proofs.calibration`: two qubits of which only the design is known, what joins them, and a dead third."""

from __future__ import annotations

import pytest

from qpu_calibration.graph import couplers
from tests.proofs.calibration import Plant, calibrated, faults, numbers


@pytest.mark.parametrize("family", ["cz", "ecr"])
def test_an_unknown_device_calibrates_itself(family, seed):
    found = calibrated(seed % 1000, family, 3, plant=Plant("dead qubit", (2,)))
    targets = [(0,), (1,), (2,), *couplers(found.snapshot)]
    known = numbers(found, targets)
    scores = {name: value for name, value in known[(0,)].items() if name.startswith("z ")}
    print(f"seed {seed}, {known}")
    assert faults(found, known, targets) == []
    assert len(known) == 3
    assert all(abs(score) < 5 for score in scores.values()), scores


def test_a_broken_coupler_is_kept_from_users(seed):
    found = calibrated(seed % 1000, "ecr", 2, plant=Plant("broken coupler", (0, 1)))
    targets = [(0,), (1,), *couplers(found.snapshot)]
    assert faults(found, numbers(found, targets), targets) == []
