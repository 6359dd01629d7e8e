"""Errors are honest on a few devices; on 50 of each kind: ``python -m tests.proofs.honest``."""

from __future__ import annotations

import numpy as np

from tests.proofs import honest

FAST = ("ramsey", "drag", "fine_amplitude", "t1", "echo", "t2_star")


def test_errors_that_are_stated_are_those_that_are_made():
    cases = tuple(case for case in honest.ONE if case.routine in FAST)
    scored = [z for k in range(4) for _, z in honest.scores(honest.SEED + k, cases, honest.one(honest.SEED + k))]
    print(f"seed {honest.SEED}, scores {np.round(scored, 2)}")
    # 4 devices, 7 numbers: the root mean square of 28 unit normals
    assert len(scored) == 28
    assert 0.6 < np.sqrt(np.mean(np.square(scored))) < 1.5
    assert np.abs(np.mean(scored)) < 0.7
