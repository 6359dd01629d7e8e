"""Section 4.1: a job from submission to deletion."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, SamplerV2
from qiskit_ibm_runtime.exceptions import (
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)

from tests.contract.client.conftest import WAIT, until

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore:Your current pending jobs"),
]


@pytest.fixture(scope="session")
def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2, 2)
    made.x(0)
    made.measure([0, 1], [0, 1])
    return made


Submit = Callable[..., RuntimeJobV2]


@pytest.fixture
def submit(loop: Any, circuit: QuantumCircuit) -> Submit:
    def run(backend: Any = None, shots: int = 5, **options: Any) -> RuntimeJobV2:
        return SamplerV2(backend or loop, options=options).run([circuit], shots=shots)

    return run


def slow(seconds: float) -> dict[str, Any]:
    """Options with which the loopback device takes so long."""
    return {"experimental": {"device": {"row_seconds": seconds}}}


def test_from_submission_to_result(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit(environment={"job_tags": ["night", "bell"]})
    result = job.result(**WAIT)
    assert result[0].data.c.num_shots == 5
    assert job.status() == "DONE"
    assert job.done()
    assert job.in_final_state()
    assert not job.errored()
    assert job.error_message() is None
    assert job.backend().name == "loop_five"
    assert abs((datetime.now(tz=job.creation_date.tzinfo) - job.creation_date).total_seconds()) < 3600
    metrics = job.metrics()
    stamps = metrics["timestamps"]
    assert stamps["created"] <= stamps["running"] <= stamps["finished"]
    assert job.usage() == pytest.approx(metrics["usage"]["qpu_charge_time_seconds"])
    again = service.job(job.job_id())
    assert again.inputs["pubs"][0][0].count_ops() == {"x": 1, "measure": 2}
    assert sorted(again.tags) == ["bell", "night"]
    assert again.result(**WAIT)[0].data.c.get_counts() == result[0].data.c.get_counts()
    assert again.session_id is None


def test_tags_are_replaced_and_anded(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit(environment={"job_tags": ["first"]})
    job.wait_for_final_state(**WAIT)
    assert sorted(job.update_tags(["day", "week"])) == ["day", "week"]
    assert [found.job_id() for found in service.jobs(job_tags=["day", "week"])] == [job.job_id()]
    assert service.jobs(job_tags=["day", "first"]) == []
    job.update_tags([])
    assert service.jobs(job_tags=["day"]) == []


def test_lists_end_and_keep_their_order(submit: Submit, service: QiskitRuntimeService) -> None:
    tag = f"listed-{secrets.token_hex(4)}"  # another client may have been here before
    made = [submit(environment={"job_tags": [tag]}).job_id() for _ in range(3)]
    find: Callable[..., list[str]] = lambda **given: [j.job_id() for j in service.jobs(job_tags=[tag], **given)]  # noqa: E731
    assert find(limit=None) == made[::-1]
    assert find(limit=2, skip=1) == [made[1], made[0]]
    assert find(limit=1, descending=False) == made[:1]
    assert find(skip=3) == []
    assert find(skip=1000, limit=None) == []
    assert find(program_id="estimator") == []
    assert len(find(backend_name="loop_five", created_after=datetime.now() - timedelta(hours=1))) == 3
    assert find(backend_name="emu_five") == []
    assert find(created_before=datetime.now() - timedelta(hours=1)) == []
    until(lambda: find(pending=True) == [])
    assert find(pending=False) == made[::-1]


def test_delete(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit()
    job.wait_for_final_state(**WAIT)
    service.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_cancel_while_it_runs(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit(**slow(30))
    until(lambda: job.status() == "RUNNING")
    with pytest.raises(IBMRuntimeError, match="ended"):
        service.delete_job(job.job_id())
    job.cancel()
    again = service.job(job.job_id())
    again.wait_for_final_state(**WAIT)
    assert again.status() == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError):
        again.result(**WAIT)
    with pytest.raises(RuntimeInvalidStateError):
        again.cancel()


def test_cancel_while_it_waits(submit: Submit) -> None:
    running = submit(**slow(30))
    until(lambda: running.status() == "RUNNING")
    waiting = submit()
    assert waiting.status() == "QUEUED"
    waiting.cancel()
    until(lambda: waiting.status() == "CANCELLED")
    running.cancel()
    until(lambda: running.status() == "CANCELLED")


def test_max_execution_time_counts_device_seconds(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit(max_execution_time=1, **slow(1.3))
    with pytest.raises(RuntimeJobMaxTimeoutError, match=r"Error code 1305.* 1 s of device time"):
        job.result(**WAIT)
    assert job.status() == "ERROR"
    assert "ran longer than maximum execution time" in str(job.error_message())
    assert service.job(job.job_id()).usage() > 1


def test_a_longer_limit_lets_it_end(submit: Submit) -> None:
    assert submit(max_execution_time=5, **slow(0.2)).result(**WAIT)[0].data.c.num_shots == 5


def test_log_level(submit: Submit) -> None:
    loud = submit(environment={"log_level": "INFO"})
    loud.wait_for_final_state(**WAIT)
    assert "attempt 1" in loud.logs()


def test_a_private_job_is_read_once(submit: Submit, service: QiskitRuntimeService) -> None:
    job = submit(environment={"private": True})
    job.wait_for_final_state(**WAIT)
    again = service.job(job.job_id())
    assert again.private
    assert again.result(**WAIT)[0].data.c.num_shots == 5
    assert not service.job(job.job_id()).inputs
    once_more = service.job(job.job_id())
    assert once_more.result(**WAIT) is None
