"""The real client, unmodified, against the bridge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import qiskit
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
    RuntimeProgramNotFound,
)

from qpu_bridge.errors import BadRequest, Cancelled, StoreFault

if TYPE_CHECKING:
    from qpu_bridge.jobs import Job, Work
    from tests.service.conftest import Bridge

# The program id ``sampler`` is what this class submits; the client means to retire it.
pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")

WAIT: dict[str, float] = {"timeout": 60, "poll_interval": 0.1}


@pytest.fixture
def environment(bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``qpu-bridge env`` would print; and a home without accounts of the developer."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, bridge.url)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def by_environment(bridge: Bridge, key: str) -> QiskitRuntimeService:
    return QiskitRuntimeService(
        channel="ibm_quantum_platform", token=key, url=f"{bridge.url}/experimental/api/v1", instance="lab"
    )


def by_resolver(bridge: Bridge, key: str) -> QiskitRuntimeService:
    return QiskitRuntimeService(
        channel="ibm_quantum_platform",
        token=key,
        url=bridge.url,
        instance="lab",
        url_resolver=lambda *ignored: bridge.base,
    )


def by_account(bridge: Bridge, key: str) -> QiskitRuntimeService:
    """An account saved once; the program itself names nothing."""
    file = str(bridge.folder / "accounts.json")
    QiskitRuntimeService.save_account(
        channel="ibm_quantum_platform",
        token=key,
        url=f"{bridge.url}/experimental/api/v1",
        instance="auto",
        name="lab",
        filename=file,
    )
    return QiskitRuntimeService(name="lab", filename=file)


@pytest.fixture
def service(bridge: Bridge, environment: None) -> QiskitRuntimeService:
    return by_environment(bridge, bridge.alice)


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "c"))
    made.x(0)
    made.measure(0, 0)
    return made


def submit(service: QiskitRuntimeService, **options: Any) -> RuntimeJobV2:
    return SamplerV2(service.backend("lab_two"), options=options).run([circuit()])


def until_stopped(started: threading.Event) -> Callable[[Job, Work], str]:
    """A program that runs until somebody stops it."""

    def run(job: Job, work: Work) -> str:
        started.set()
        while not work.cancelled():
            time.sleep(0.001)
        raise Cancelled("the job must not be stopped")

    return run


@pytest.mark.parametrize("connect", [by_environment, by_resolver, by_account])
def test_from_the_first_call_to_the_result(
    running: Bridge, environment: None, connect: Callable[[Bridge, str], QiskitRuntimeService]
) -> None:
    service = connect(running, running.alice)
    assert [backend.name for backend in service.backends()] == ["lab_two"]
    job = submit(service)
    assert job.result(**WAIT)[0].data.c.get_counts() == {"1": 5}
    assert job.status() == "DONE"
    assert job.metrics()["timestamps"]["finished"] >= job.metrics()["timestamps"]["running"]
    assert job.inputs["pubs"][0][0].count_ops() == {"x": 1, "measure": 1}
    assert job.error_message() is None


def test_instances_and_plan(service: QiskitRuntimeService) -> None:
    (instance,) = service.instances()
    assert instance["name"] == "lab"
    assert instance["crn"].startswith("crn:v1:")
    assert instance["pricing_type"] == "free"


def test_usage_names_no_limit(service: QiskitRuntimeService) -> None:
    usage = service.usage()
    assert usage["usage_consumed_seconds"] == 0
    assert usage["usage_limit_reached"] is False


def test_a_backend_is_read_whole(running: Bridge, service: QiskitRuntimeService) -> None:
    backend = service.backend("lab_two")
    assert backend.num_qubits == 2
    assert backend.target["x"][(1,)].duration == pytest.approx(32e-9)
    assert backend.properties().t1(0) == pytest.approx(100e-6)
    assert backend.properties(datetime=datetime.now() - timedelta(days=3650)) is None
    status = backend.status()
    assert (status.operational, status.status_msg, status.pending_jobs) == (True, "active", 0)
    assert service.least_busy().name == "lab_two"


def test_a_device_without_its_runner_is_offline(bridge: Bridge, service: QiskitRuntimeService) -> None:
    status = service.backend("lab_two").status()
    assert not status.operational
    assert submit(service).status() == "QUEUED"
    assert service.backend("lab_two").status().pending_jobs == 1


def test_a_paused_device_says_why(running: Bridge, service: QiskitRuntimeService) -> None:
    running.store.devices.pause("lab_two", "helium")
    with pytest.warns(UserWarning, match="paused: helium"):
        job = submit(service)
    assert job.status() == "QUEUED"
    running.store.devices.resume("lab_two")
    job.wait_for_final_state(**WAIT)
    assert job.status() == "DONE"


def test_a_wrong_key_fails_fast(bridge: Bridge, environment: None) -> None:
    start = time.monotonic()
    with pytest.raises(Exception, match="valid API token"):
        by_environment(bridge, "qb-000000000000-" + "x" * 43)
    assert time.monotonic() - start < 10


def test_cancel_while_queued(bridge: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service)
    job.cancel()
    assert service.job(job.job_id()).status() == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError, match="cancelled"):
        service.job(job.job_id()).result(**WAIT)
    with pytest.raises(RuntimeInvalidStateError, match="cannot be cancelled"):
        job.cancel()


def test_cancel_while_running(running: Bridge, service: QiskitRuntimeService) -> None:
    started = threading.Event()
    running.run = until_stopped(started)
    job = submit(service)
    assert started.wait(60)
    assert job.status() == "RUNNING"
    job.cancel()
    again = service.job(job.job_id())
    again.wait_for_final_state(**WAIT)
    assert again.status() == "CANCELLED"


def test_a_job_that_uses_too_much_device_time(running: Bridge, service: QiskitRuntimeService) -> None:
    def run(job: Job, work: Work) -> str:
        seconds = iter(range(100))
        work.meter(lambda: float(next(seconds)))
        while not work.cancelled():
            pass
        raise Cancelled("the job must not be stopped")

    running.run = run
    job = submit(service, max_execution_time=7)
    with pytest.raises(RuntimeJobMaxTimeoutError, match="at most 7 s"):
        job.result(**WAIT)
    assert job.status() == "ERROR"
    assert "ran longer than maximum execution time" in str(job.error_message())
    assert job.usage() > 7


def test_a_failed_job_says_why(running: Bridge, service: QiskitRuntimeService) -> None:
    def run(job: Job, work: Work) -> str:
        raise BadRequest("the circuit must be round", given="square", where="pubs.0")

    running.run = run
    job = submit(service)
    with pytest.raises(RuntimeJobFailureError, match="Error code 1001; the circuit must be round; got square"):
        job.result(**WAIT)
    assert "must be round" in str(job.error_message())
    assert "must be round" in job.logs()


def test_an_unforeseen_failure_is_named_in_the_log_without_its_insides(running: Bridge, service: QiskitRuntimeService) -> None:
    def run(job: Job, work: Work) -> str:
        raise ZeroDivisionError("secret of the lab")

    running.run = run
    job = submit(service)
    with pytest.raises(RuntimeJobFailureError, match="nobody foresaw") as caught:
        job.result(**WAIT)
    assert "secret" not in str(caught.value)
    assert "(ZeroDivisionError)" in job.logs()
    assert "secret" not in job.logs()


def test_the_log_keeps_what_the_user_asked_for(running: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service, environment={"log_level": "INFO"})
    job.wait_for_final_state(**WAIT)
    assert "attempt 1 starts" in job.logs()
    quiet = submit(service)
    quiet.wait_for_final_state(**WAIT)
    assert quiet.logs() == ""


def test_tags_and_delete(running: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service, environment={"job_tags": ["bell", "night"]})
    job.wait_for_final_state(**WAIT)
    assert sorted(job.tags) == ["bell", "night"]
    assert sorted(job.update_tags(["day"])) == ["day"]
    assert [found.job_id() for found in service.jobs(job_tags=["day"])] == [job.job_id()]
    assert service.jobs(job_tags=["night"]) == []
    service.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        service.job(job.job_id())


def test_a_pending_job_is_not_deleted(bridge: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service)
    with pytest.raises(IBMRuntimeError, match="only when it has ended"):
        service.delete_job(job.job_id())


def test_lists_end(bridge: Bridge, service: QiskitRuntimeService) -> None:
    made = [submit(service).job_id() for _ in range(3)]
    assert [job.job_id() for job in service.jobs(limit=None)] == made[::-1]
    assert [job.job_id() for job in service.jobs(limit=2, skip=1)] == [made[1], made[0]]
    assert [job.job_id() for job in service.jobs(descending=False, limit=1)] == made[:1]
    assert service.jobs(skip=3) == []
    assert service.jobs(skip=1000, limit=None) == []
    assert len(service.jobs(pending=True)) == 3
    assert service.jobs(pending=False) == []
    assert service.jobs(program_id="estimator") == []
    assert len(service.jobs(backend_name="lab_two", created_after=datetime.now() - timedelta(hours=1))) == 3
    assert service.jobs(created_before=datetime.now() - timedelta(hours=1)) == []


def test_users_do_not_see_each_other(running: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service)
    job.wait_for_final_state(**WAIT)
    other = by_environment(running, running.bob)
    assert other.jobs() == []
    with pytest.raises(RuntimeJobNotFound):
        other.job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        other.delete_job(job.job_id())


def test_a_private_job_is_read_once(running: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service, environment={"private": True})
    assert job.private
    assert job.result(**WAIT)[0].data.c.get_counts() == {"1": 5}
    again = service.job(job.job_id())
    assert again.private
    assert again.inputs == {}
    assert again.result(**WAIT) is None
    assert job.result() is None


def test_a_user_of_two_instances_moves_between_them(running: Bridge, environment: None) -> None:
    running.store.users.join("alice", "physics")
    service = QiskitRuntimeService(
        channel="ibm_quantum_platform", token=running.alice, url=f"{running.url}/experimental/api/v1", instance="auto"
    )
    assert [(instance["name"], instance["plan"]) for instance in service.instances()] == [
        ("lab", "on-prem"),
        ("physics", "on-prem"),
    ]
    crns = [instance["crn"] for instance in service.instances()]
    jobs = []
    for crn in crns:
        backend = service.backend("lab_two", instance=crn)
        job = SamplerV2(backend).run([circuit()])
        assert service.active_instance() == job.instance == crn
        jobs.append(job)
    for job, crn in zip(jobs, crns, strict=True):
        assert [found.job_id() for found in service.jobs(instance=crn)] == [job.job_id()]
        assert service.job(job.job_id()).result(**WAIT)[0].data.c.get_counts() == {"1": 5}
    assert [running.store.job(job.job_id()).owner.instance for job in jobs] == ["lab", "physics"]
    alone = QiskitRuntimeService(
        channel="ibm_quantum_platform", token=running.alice, url=f"{running.url}/experimental/api/v1", instance="physics"
    )
    assert [found.job_id() for found in alone.jobs()] == [jobs[1].job_id()]


def test_the_client_is_asked_who_it_is(running: Bridge, service: QiskitRuntimeService) -> None:
    job = submit(service)
    job.wait_for_final_state(**WAIT)
    metrics = job.metrics()
    assert metrics["qiskit_version"] == qiskit.__version__
    assert metrics["caller"].startswith("qiskit_ibm_runtime~sampler")
    assert metrics["circuits_execution_time_ns"] >= 0


def test_refusals_reach_the_user(bridge: Bridge, service: QiskitRuntimeService) -> None:
    backend = service.backend("lab_two")
    with pytest.raises(IBMInputValueError, match="not found"):
        Session.from_id("none", service)
    with pytest.raises(IBMRuntimeError, match="must not ask to be refused"):
        service._run(program_id="sampler", inputs={"refuse": 1}, options={"backend": backend})
    with pytest.raises(RuntimeProgramNotFound):
        service._run(program_id="poetry", inputs={}, options={"backend": backend})


def test_a_dry_run_is_a_job_of_the_sibling(bridge: Bridge, service: QiskitRuntimeService) -> None:
    job = SamplerV2(service.backend("lab_two")).run([circuit()], dry_run=True)
    assert bridge.store.job(job.job_id()).backend == "mock_two"
    assert service.jobs() == []


def test_a_submission_that_the_client_repeats_makes_one_job(
    bridge: Bridge, service: QiskitRuntimeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, refusals = bridge.store.accept, [StoreFault("the job store must be usable", given="SQLITE_BUSY")]

    def busy(*given: Any) -> Job:
        if refusals:
            raise refusals.pop()
        return accept(*given)

    monkeypatch.setattr(bridge.store, "accept", busy)
    job = submit(service)
    assert refusals == []
    assert [found.job_id() for found in service.jobs()] == [job.job_id()]


def test_a_body_over_the_limit(bridge: Bridge, service: QiskitRuntimeService) -> None:
    with pytest.raises(IBMRuntimeError, match="at most 1000000 bytes"):
        service._run(program_id="sampler", inputs={"x": "x" * 3_000_000}, options={"backend": service.backend("lab_two")})
    assert service.jobs() == []
