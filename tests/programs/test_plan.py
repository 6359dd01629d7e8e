"""The length of a job, before it is played."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp
from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.results import LayerError
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from qpu_bridge.execution import Execution
from qpu_bridge.lowering import LoweringOptions, lower
from qpu_bridge.lowering.admission import longest
from qpu_bridge.plugins import open_driver, open_snapshot
from qpu_bridge.programs import Context, DeviceView, check, run
from qpu_bridge.programs.checkers import Checkers
from tests.programs.client import backend as seen_by_client
from tests.programs.test_estimator import sent as sent_to_estimator
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


def estimated() -> tuple[QuantumCircuit, list[SparsePauliOp]]:
    made = QuantumCircuit(5)
    for pair in ((0, 1), (1, 2)):
        made.sx(pair[0])
        made.cz(*pair)
    # two are measured together, the third is not
    return made, [SparsePauliOp(label) for label in ("IIIZZ", "IIZZI", "IIXXI")]


def noise(first: int) -> LayerError:
    layer = QuantumCircuit(2)
    layer.cz(0, 1)
    return LayerError(layer, [first, first + 1], PauliLindbladError(PauliList(["ZI", "IX"]), [0.01, 0.02]))


LEARNING = {"num_randomizations": 4, "shots_per_randomization": 16, "layer_pair_depths": [0, 2]}


@pytest.mark.parametrize(
    ("program", "options", "close"),
    [
        ("estimator", {"resilience_level": 0}, 0.001),
        ("estimator", {"resilience_level": 1}, 0.001),
        (
            "estimator",
            {
                "resilience": {
                    "measure_mitigation": True,
                    "measure_noise_learning": {"num_randomizations": 3, "shots_per_randomization": 50},
                }
            },
            0.01,
        ),
        ("estimator", {"resilience_level": 2}, 0.001),
        ("estimator", {"resilience": {"pec_mitigation": True, "layer_noise_model": [noise(0), noise(1)]}}, 0.001),
        ("estimator", {"resilience": {"pec_mitigation": True, "layer_noise_learning": LEARNING}}, 0.1),
        ("sampler", {"experimental": {"quasi_distribution": {"calibration_shots": 500}}}, 1e-6),
    ],
)
def test_what_is_played_besides_the_circuits(program: str, options: dict[str, object], close: float) -> None:
    """Readout calibrations, overheads, learned layers, bases."""
    believed = open_snapshot("five", "emu_five")
    driver = open_driver("emulator", "emu_five", believed, {})
    capabilities = driver.capabilities()
    context = Context(DeviceView("emu_five", believed, capabilities), Execution(driver, capabilities), seed=1)
    backend = seen_by_client(believed, capabilities)
    if program == "sampler":
        text = sent(backend, [(circuit(), np.zeros((5, 2)), 100)], options)
    else:
        text = sent_to_estimator(backend, [estimated(), (*estimated(), None, 0.1)], options, precision=0.2)
    planned_s = check(program, text, context.device)
    run(program, text, context)
    driver.close()
    assert planned_s is not None
    assert 1 - close <= planned_s / context.execution.usage_seconds <= 1 + 1e-6
