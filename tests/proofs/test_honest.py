"""Errors are honest on a few devices; on 50 of each kind: ``python -m tests.proofs.honest``."""

from __future__ import annotations

import numpy as np

from tests.proofs import honest

FAST = ("ramsey", "drag", "fine_amplitude", "t1", "echo", "t2_star", "cpmg", "active_reset", "readout_duration", "readout_kernel")
FAST += ("rabi", "readout_frequency")
FAST_PAIRS = ("cz_phase", "cz_local_phases", "cr_phase", "ecr_target_phase", "ecr_control_phase", "drive_crosstalk")


def test_errors_that_are_stated_are_those_that_are_made():
    cases = tuple(case for case in honest.ONE if case.routine in FAST)
    scored = [z for k in range(4) for _, z in honest.scores(honest.SEED + k, cases, honest.one(honest.SEED + k))]
    print(f"seed {honest.SEED}, scores {np.round(scored, 2)}")
    # 4 devices, 27 numbers: the root mean square of 108 unit normals, some of which go together
    assert len(scored) == 108
    assert 0.75 < np.sqrt(np.mean(np.square(scored))) < 1.3
    assert np.abs(np.mean(scored)) < 0.5


def test_errors_of_pairs_are_those_that_are_made():
    scored = []
    for family, cases in (("cz", honest.TUNABLE), ("ecr", honest.STATIC)):
        few = tuple(case for case in cases if case.routine in FAST_PAIRS)
        scored += [z for _, z in honest.scores(honest.SEED, few, honest.two(honest.SEED, family))]
    print(f"seed {honest.SEED}, scores {np.round(scored, 2)}")
    assert len(scored) == 20
    assert np.abs(scored).max() < 4
    assert np.sqrt(np.mean(np.square(scored))) > 0.3
