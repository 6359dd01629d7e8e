"""The length of a job, before it is played."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import IBMBackend

from qpu_bridge.execution import Execution
from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.lowering.admission import longest
from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.programs import Context, DeviceView, check, run
from qpu_bridge.programs.checkers import Checkers
from tests.programs.client import backend as seen_by_client
from tests.programs.test_sampler import circuit, sent


def straight() -> QuantumCircuit:
    made = QuantumCircuit(3, 2)
    made.sx(0)
    made.cz(0, 1)
    made.delay(400, 2, "dt")
    made.barrier()
    made.x(2)
    made.measure([0, 2], [0, 1])
    return made


def branching() -> QuantumCircuit:
    made = straight()
    with made.if_test((made.clbits[0], 1)) as otherwise:
        made.x(0)
    with otherwise:
        made.x(0)
        made.x(0)
    with made.for_loop(range(7)):
        made.sx(1)
    return made


@pytest.mark.parametrize("made", [straight(), branching()])
def test_it_is_as_long_as_its_pulses(made: QuantumCircuit, backend: IBMBackend, device: DeviceView) -> None:
    text = sent(backend, [(made, None, 1)])
    schedule = lower(made, device.snapshot, device.capabilities.limits, LoweringOptions()).schedule
    played_s = longest(schedule.realtime) * float(device.snapshot.timing.dt)
    waits_s = device.snapshot.timing.default_rep_delay
    planned_s = check("sampler", text, device)
    # branches wait for their bit, which no gate's length knows
    assert planned_s == pytest.approx(waits_s + played_s, rel=0.02 if made.num_nonlocal_gates() else 1e-9)


def test_shots_and_rows_multiply(backend: IBMBackend, device: DeviceView) -> None:
    one = check("sampler", sent(backend, [(circuit(), np.zeros(2), 1)]), device)
    many = check("sampler", sent(backend, [(circuit(), np.zeros((3, 4, 2)), 100), (circuit(), np.zeros(2), 7)]), device)
    assert one is not None
    assert many == pytest.approx(one * (3 * 4 * 100 + 7))
    wait = {"execution": {"rep_delay": 0.0004}}
    longer = check("sampler", sent(backend, [(circuit(), np.zeros(2), 1)], wait), device)
    assert longer == pytest.approx(one - device.snapshot.timing.default_rep_delay + 0.0004)


def test_the_emulator_takes_as_long() -> None:
    believed = open_snapshot("five", "emu_five")
    driver = open_driver("emulator", "emu_five", believed, {})
    capabilities = driver.capabilities()
    context = Context(DeviceView("emu_five", believed, capabilities), Execution(driver, capabilities), seed=1)
    text = sent(seen_by_client(believed, capabilities), [(circuit(), np.zeros((5, 2)), 100)])
    planned_s = check("sampler", text, context.device)
    run("sampler", text, context)
    driver.close()
    assert context.execution.usage_seconds == pytest.approx(planned_s)


def test_another_process_says_the_same(backend: IBMBackend, device: DeviceView) -> None:
    text = sent(backend, [(circuit(), np.zeros((5, 2)), 200)])
    with Checkers(1) as checkers:
        assert checkers.check("sampler", text, device) == check("sampler", text, device)
