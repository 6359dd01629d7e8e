"""The short form of ``python -m tests.proofs.kills``: each kind of process once, while real clients wait."""

from __future__ import annotations

import pytest

from tests.proofs.kills import VICTIMS, prove

pytestmark = pytest.mark.filterwarnings("ignore:The (Sampler|Estimator)V2 class is deprecated:DeprecationWarning")


def test_nothing_is_lost_or_doubled_or_half_when_processes_are_killed() -> None:
    found = prove(len(VICTIMS), seed=7)
    assert not found.faults, "\n".join(found.faults)
    assert {victim for victim, _ in found.kills} == set(VICTIMS)
    assert found.jobs > 3
