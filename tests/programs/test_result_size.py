"""How much a job returns is known before it is queued."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from samplomatic.quantum_program import CircuitItem

from qpu_bridge.errors import TooLarge
from qpu_bridge.programs import Context, DeviceView, ExecuteOptions, check, execute, result_size
from qpu_bridge.programs.result_size import MAX_RESULT_BYTES, Returned, admit_results
from tests.programs.test_executor import params

MEASURED = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[1] c;\nqubit[5] q;\nc[0] = measure q[0];\n'


def patient(device: DeviceView) -> DeviceView:
    limits = device.capabilities.limits.model_copy(update={"max_results": 2**40})
    return replace(device, capabilities=device.capabilities.model_copy(update={"limits": limits}))


@pytest.mark.parametrize(("level", "each"), [("classified", 1), ("kerneled", 8), ("both", 9)])
def test_all_items_together_are_counted(level: Any, each: int, device: DeviceView) -> None:
    half = Returned(bits=4, rows=MAX_RESULT_BYTES // (8 * each * 1024), shots=1024, measured=4)
    admit_results([half], level, device)
    with pytest.raises(TooLarge, match=rf"at most {MAX_RESULT_BYTES} bytes; got \d+") as caught:
        admit_results([half] * 3, level, device)
    assert caught.value.given == 3 * 4 * half.rows * 1024 * each
    assert caught.value.code == 1002


def test_averages_have_no_shots(device: DeviceView) -> None:
    many = Returned(bits=4, rows=2**20, shots=2**27, measured=4)
    admit_results([many], "avg_kerneled", device)
    with pytest.raises(TooLarge, match="numbers for one set"):
        admit_results([many], "kerneled", device)
    with pytest.raises(TooLarge, match="bytes"):
        admit_results([many], "kerneled", patient(device))


@pytest.mark.parametrize("program_id", ["executor", "sampler", "estimator"])
def test_too_much_is_refused_at_submission(program_id: str, device: DeviceView, monkeypatch: pytest.MonkeyPatch) -> None:
    pubs = (
        [[MEASURED, None, 100]] * 5 if program_id == "sampler" else [[MEASURED.replace("c[0] = measure", "reset"), "ZIIII"]] * 5
    )
    text = params("v2.0") if program_id == "executor" else json.dumps({"pubs": pubs, "version": 2})
    check(program_id, text, device)
    monkeypatch.setattr(result_size, "MAX_RESULT_BYTES", 10)
    with pytest.raises(TooLarge, match="at most 10 bytes"):
        check(program_id, text, device)


def test_too_much_is_refused_before_it_is_played(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.measure(0, 0)
    items = [CircuitItem(circuit, circuit_arguments=np.empty((3, 0))) for _ in range(2)]
    monkeypatch.setattr(result_size, "MAX_RESULT_BYTES", 59)
    with pytest.raises(TooLarge, match="at most 59 bytes; got 60"):
        execute(QuantumProgram(10, items), ExecuteOptions(), context)
    assert context.execution.usage_seconds == 0
