"""The short form of ``python -m tests.proofs.kills``: each kind of process once, while real clients wait."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from sqlalchemy import make_url

from tests.jobs.conftest import POSTGRESQL
from tests.proofs.kills import VICTIMS, postgresql, prove

pytestmark = pytest.mark.filterwarnings("ignore:The (Sampler|Estimator)V2 class is deprecated:DeprecationWarning")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_or_doubled_or_half_when_processes_are_killed(kind: str) -> None:
    server = os.environ.get(POSTGRESQL)
    if kind == "postgresql" and not server:
        pytest.skip(f"name a server in {POSTGRESQL}")
    with ExitStack() as held:
        url = make_url(server).set(drivername="postgresql+psycopg") if server and kind == "postgresql" else None
        database = held.enter_context(postgresql(url)) if url else None
        found = prove(len(VICTIMS), 7, database)
    assert not found.faults, "\n".join(found.faults)
    assert {victim for victim, _ in found.kills} == set(VICTIMS)
    assert found.jobs > 3
