"""Section 3: what the user sees when something is refused."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2
from qiskit_ibm_runtime.exceptions import IBMRuntimeError, RuntimeJobNotFound, RuntimeProgramNotFound

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")


def run(service: QiskitRuntimeService, backend: Any, program_id: str, inputs: dict[str, Any], **options: Any) -> Any:
    return service._run(program_id=program_id, inputs=inputs, options={"backend": backend, **options})


def test_unknown_program(service: QiskitRuntimeService, loop: Any) -> None:
    with pytest.raises(RuntimeProgramNotFound):
        run(service, loop, "poetry", {})


def test_the_user_reads_our_sentence_and_code(service: QiskitRuntimeService, loop: Any) -> None:
    with pytest.raises(IBMRuntimeError, match=r"400 Client Error.* Error code: 1\d\d\d"):
        run(service, loop, "sampler", {"pubs": []})


def test_a_body_over_the_limit_says_the_limit(service: QiskitRuntimeService, loop: Any) -> None:
    with pytest.raises(IBMRuntimeError, match="at most 2000000 bytes"):
        run(service, loop, "sampler", {"pubs": [], "x": "x" * 2_100_000})


def test_too_many_shots_say_the_limit(service: QiskitRuntimeService, loop: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    with pytest.raises((IBMRuntimeError, ValueError), match=str(loop.max_shots) if hasattr(loop, "max_shots") else "shots"):
        SamplerV2(loop).run([circuit], shots=10**9)


def test_unknown_jobs(service: QiskitRuntimeService) -> None:
    with pytest.raises(RuntimeJobNotFound):
        service.job("0" * 20)
    with pytest.raises(RuntimeJobNotFound):
        service.delete_job("0" * 20)


def test_somebody_elses_job_is_not_there(service: QiskitRuntimeService, other: QiskitRuntimeService, loop: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = SamplerV2(loop).run([circuit], shots=1)
    with pytest.raises(RuntimeJobNotFound):
        other.job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        other.delete_job(job.job_id())
    assert job.job_id() not in [found.job_id() for found in other.jobs(limit=None)]
