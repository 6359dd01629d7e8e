"""kill -9, with real processes: what was accepted stays, and what ran is settled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qpu_bridge.jobs import Runner, State, Store

if TYPE_CHECKING:
    from tests.jobs.conftest import Accept

ACCEPT = """
import sys
from qpu_bridge.jobs import Owner, Request, Store
store = Store(sys.argv[1])
while True:
    print(store.accept(Owner("alice", "lab"), Request("sampler", "lab_two", b"x" * 5000)).id, flush=True)
"""

RUN = """
import sys, threading
from qpu_bridge.jobs import Runner, Store
def run(job, work):
    print(job.id, flush=True)
    threading.Event().wait()
Runner(Store(sys.argv[1]), "lab_two", run, patience_s=60.0).serve()
"""


@contextmanager
def doomed(program: str, address: Path | str) -> Iterator[Iterator[str]]:
    """A process that is killed at the end of the block: yields the lines that it prints."""
    with subprocess.Popen([sys.executable, "-c", program, str(address)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield (line.strip() for line in process.stdout)
        process.kill()
        rest = process.stdout.read()
        assert rest is not None


def test_what_was_accepted_survives(store: Store, address: Path | str) -> None:
    with doomed(ACCEPT, address) as lines:
        told = [next(lines) for _ in range(20)]
    for job_id in told:
        job = store.job(job_id)
        assert job.state is State.QUEUED
        assert store.params(job) == b"x" * 5000


def test_a_killed_runner_is_followed_by_another(store: Store, address: Path | str, accept: Accept) -> None:
    poison, healthy = accept(), accept()
    for attempt in (1, 2):
        with doomed(RUN, address) as lines:
            assert next(lines) == poison.id
            assert store.job(poison.id).attempts == attempt
        assert store.job(poison.id).state is State.RUNNING
    with doomed(RUN, address) as lines:
        assert next(lines) == healthy.id
        assert store.job(poison.id).state is State.FAILED
    # a server takes a moment to notice that the one before is gone
    runner = Runner(store, "lab_two", lambda job, work: runner.stop() or "{}", patience_s=60.0)
    runner.serve()
    assert store.job(healthy.id).state is State.COMPLETED
    assert store.job(healthy.id).attempts == 2
