"""Section 4.2: sessions and batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import Batch, QiskitRuntimeService, RuntimeJobV2, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import IBMInputValueError, IBMRuntimeError

from tests.contract.client.conftest import WAIT, until

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore:Your current pending jobs"),
]
SLOW = {"experimental": {"device": {"row_seconds": 30}}}


@pytest.fixture(scope="session")
def circuit() -> QuantumCircuit:
    made = QuantumCircuit(1)
    made.measure_all()
    return made


@pytest.fixture
def run(circuit: QuantumCircuit) -> Callable[..., RuntimeJobV2]:
    return lambda mode, **options: SamplerV2(mode, options=options).run([circuit], shots=5)


Run = Callable[..., RuntimeJobV2]


def test_a_session_from_open_to_closed(service: QiskitRuntimeService, loop: Any, run: Run) -> None:
    with Session(loop, max_time="10m") as session:
        assert session.status() == "Pending"
        job = run(session)
        job.result(**WAIT)
        assert job.session_id == session.session_id
        assert session.status() == "In progress, accepting new jobs"
        details = session.details()
        assert details["mode"] == "dedicated"
        assert details["backend_name"] == "loop_five"
        assert details["max_time"] == 600
        assert details["accepting_jobs"] is True
        assert details["state"] in ("active", "inactive")
        assert Session.from_id(session.session_id, service).session_id == session.session_id
        assert [found.job_id() for found in service.jobs(session_id=session.session_id)] == [job.job_id()]
    until(lambda: session.status() == "Closed")
    assert session.usage() >= 0
    assert session.details()["closed_at"] is not None


def test_a_closed_session_takes_no_job(loop: Any, run: Run) -> None:
    session = Session(loop)
    session.close()
    until(lambda: session.status() == "Closed")
    with pytest.raises((IBMRuntimeError, IBMInputValueError), match=r"(?i)session"):
        run(session)


def test_jobs_that_wait_when_a_session_is_closed_still_run(loop: Any, run: Run) -> None:
    with Session(loop) as session:
        jobs = [run(session) for _ in range(3)]
    for job in jobs:
        assert job.result(**WAIT)[0].data.meas.num_shots == 5
    until(lambda: session.status() == "Closed")


def test_cancel_ends_what_waits(loop: Any, run: Run) -> None:
    session = Session(loop)
    running = run(session, **SLOW)
    until(lambda: running.status() == "RUNNING")
    waiting = run(session)
    session.cancel()
    until(lambda: waiting.status() == "CANCELLED")
    running.cancel()
    until(lambda: session.status() == "Closed")


def test_a_session_owns_the_device(service: QiskitRuntimeService, loop: Any, run: Run) -> None:
    session = Session(loop)
    first = run(session)
    first.result(**WAIT)
    stranger = run(loop)
    second = run(session)
    second.result(**WAIT)
    assert stranger.status() == "QUEUED"
    session.close()
    assert stranger.result(**WAIT)[0].data.meas.num_shots == 5


def test_a_batch(service: QiskitRuntimeService, loop: Any, run: Run) -> None:
    with Batch(loop) as batch:
        jobs = [run(batch) for _ in range(3)]
        for job in jobs:
            job.result(**WAIT)
        assert batch.details()["mode"] == "batch"
    until(lambda: batch.status() == "Closed")
    assert batch.usage() == pytest.approx(sum(job.usage() for job in jobs), abs=0.01)


def test_a_batch_does_not_block_others(loop: Any, run: Run) -> None:
    batch = Batch(loop)
    run(batch).result(**WAIT)
    assert run(loop).result(**WAIT)[0].data.meas.num_shots == 5
    batch.close()


def test_unknown_sessions(service: QiskitRuntimeService) -> None:
    with pytest.raises(IBMInputValueError, match="not found"):
        Session.from_id("nothing", service)
