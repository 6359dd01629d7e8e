"""What a circuit decides while it runs, and gates that take angles, as the real client sends them."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit_ibm_runtime import EstimatorV2, IBMBackend, SamplerV2
from qiskit_ibm_runtime.circuit import MidCircuitMeasure
from qiskit_ibm_runtime.circuit.library.mid_circuit_measure import MeasureReset, MidCircuitReset
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.visualization import draw_circuit_schedule_timing

from qpu_bridge.errors import NotNative, UnsupportedOption
from qpu_bridge.programs import Context, check, run
from tests.programs.client import backend as seen
from tests.programs.client import decode
from tests.programs.test_executor import encoded


def empty() -> QuantumCircuit:
    return QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(2, "c"))


def branching() -> QuantumCircuit:
    circuit = empty()
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.sx(1)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0, 1):
            circuit.x(0)
        with case(case.DEFAULT):
            circuit.sx(0)
    circuit.measure(1, 1)
    return circuit


def looping() -> QuantumCircuit:
    circuit = empty()
    count = circuit.add_var("count", expr.lift(0, types.Uint(8)))
    with circuit.for_loop(range(3)):
        circuit.x(0)
    circuit.measure(0, 0)
    with circuit.while_loop(expr.logic_and(expr.lift(circuit.clbits[0]), expr.less(count, 3))):
        circuit.reset(0)
        circuit.measure(0, 0)
        circuit.store(count, expr.add(count, 1))
    circuit.measure(1, 1)
    return circuit


def mid_circuit() -> QuantumCircuit:
    circuit = empty()
    circuit.x(0)
    circuit.append(MidCircuitMeasure(), [0], [0])
    circuit.append(MidCircuitReset(), [0])
    circuit.x(1)
    circuit.append(MeasureReset(), [1], [1])
    return circuit


def sent(primitive: Any, backend: IBMBackend, pubs: list[Any], options: dict[str, Any] | None = None) -> tuple[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = primitive(backend)
        made.options.update(**(options or {}))
        job = made.run(pubs)
    return job.program_id, job.params_json


def answered(request: tuple[str, str], context: Context) -> Any:
    program, text = request
    check(program, text, context.device)
    return decode(program, run(program, text, context))


@pytest.mark.parametrize("make", [branching, looping, mid_circuit])
@pytest.mark.parametrize("primitive", [SamplerV2, Sampler])
def test_control_flow_and_its_timing(primitive: Any, make: Any, backend: IBMBackend, context: Context) -> None:
    timing = {"execution": {"scheduler_timing": True}}
    options = {"experimental": timing} if primitive is SamplerV2 else timing
    result = answered(sent(primitive, backend, [(make(), None, 10)], options), context)
    assert result[0].data.c.num_shots == 10
    found = result[0].metadata["compilation"]["scheduler_timing"]
    assert found["circuit_duration"] > 0
    lines = [line.split(",") for line in found["timing"].splitlines()]
    assert all(len(line) == 6 and line[3].isdigit() and line[4].isdigit() for line in lines)
    if make is branching:
        assert {"main", "then", "else"} <= {line[0] for line in lines}


def test_the_client_draws_the_timing(backend: IBMBackend, context: Context) -> None:
    pytest.importorskip("plotly")
    request = sent(Sampler, backend, [(branching(), None, 10)], {"execution": {"scheduler_timing": True}})
    timing = answered(request, context)[0].metadata["compilation"]["scheduler_timing"]["timing"]
    assert draw_circuit_schedule_timing(timing).data


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("make", [branching, mid_circuit])
def test_the_estimator_measures_what_control_flow_leaves(level: int, make: Any, backend: IBMBackend, context: Context) -> None:
    lines: list[str] = []
    object.__setattr__(context, "log", lines.append)
    options = {"resilience_level": level, "default_shots": 128}
    result = answered(sent(EstimatorV2, backend, [(make(), [{"IIIXZ": 1.0, "IIIIZ": 1.0}, {"IIIYI": 2.0}])], options), context)
    assert result[0].data.evs.shape == (2,)
    assert any(f"{2 * (1 + level)} rows x {128 // (1 + level)} shots" in line for line in lines)


@pytest.mark.parametrize(
    ("primitive", "options", "says"),
    [
        (SamplerV2, {"twirling": {"enable_gates": True}}, "enable_gates"),
        (SamplerV2, {"twirling": {"enable_measure": True}}, "enable_measure"),
        (EstimatorV2, {"twirling": {"enable_gates": True}}, "enable_gates"),
        (EstimatorV2, {"resilience": {"zne_mitigation": True}}, "zne_mitigation"),
        (EstimatorV2, {"resilience_level": 2}, "enable_gates"),
    ],
)
def test_what_control_flow_does_not_go_with(
    primitive: Any, options: dict[str, Any], says: str, backend: IBMBackend, context: Context
) -> None:
    pub = (branching(), None, 4) if primitive is SamplerV2 else (branching(), "IIIIZ")
    program, text = sent(primitive, backend, [pub], options)
    with pytest.raises(UnsupportedOption, match=says):
        check(program, text, context.device)


@pytest.mark.parametrize(("make", "name"), [("looping", "count"), ("stretched", "gap")])
def test_variables_and_stretches_are_not_estimated(make: str, name: str, backend: IBMBackend, context: Context) -> None:
    program, text = sent(EstimatorV2, backend, [(globals()[make](), "IIIIZ")])
    with pytest.raises(UnsupportedOption, match=name):
        check(program, text, context.device)


def stretched() -> QuantumCircuit:
    circuit = empty()
    gap = circuit.add_stretch("gap")
    circuit.barrier()
    for _ in range(2):
        circuit.delay(gap, 0)
        circuit.x(0)
    circuit.delay(gap, 0)
    for _ in range(9):
        circuit.x(1)
    circuit.barrier()
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize("primitive", [SamplerV2, Sampler])
def test_stretches_and_their_values(primitive: Any, backend: IBMBackend, context: Context) -> None:
    wanted = {"execution": {"stretch_values": True}}
    options = {"experimental": wanted} if primitive is SamplerV2 else wanted
    result = answered(sent(primitive, backend, [(stretched(), None, 5)], options), context)
    (found,) = result[0].metadata["compilation"]["stretch_values"]
    # nine pulses of 32 are as long as two, and three gaps of 74 2/3 on a grid of 4
    assert found["name"].startswith("gap")
    assert (found["value"], found["remainder"]) == (72, 8)
    times, lengths = zip(*found["expanded_values"], strict=True)
    assert sum(lengths) == 7 * 32
    assert all(72 <= length <= 76 for length in lengths)
    assert np.diff(times).tolist() == [length + 32 for length in lengths[:-1]]


@pytest.mark.parametrize("version", ["v0.2", "v1.1", "v2.0"])
def test_stretch_values_in_every_version(version: str, context: Context) -> None:
    made = QuantumProgram(shots=3)
    made.append_circuit_item(stretched())
    text = encoded(made, {"execution": {"stretch_values": True}}, version)
    check("executor", text, context.device)
    answer = json.loads(run("executor", text, context))
    (found,) = answer["data"][0]["metadata"]["stretch_values"]
    assert found["name"] == "gap"
    assert len(found["expanded_values"]) == 3
    plain = json.loads(run("executor", encoded(made, None, version), context))
    assert plain["data"][0]["metadata"]["stretch_values"] is None


def rotations() -> QuantumCircuit:
    circuit = empty()
    circuit.rx(Parameter("a"), 0)
    circuit.rzz(Parameter("b"), 0, 1)
    circuit.rx(0.3, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize("primitive", [SamplerV2, Sampler])
def test_fractional_gates(primitive: Any, context: Context) -> None:
    backend = seen(context.device.snapshot, context.device.capabilities, fractional=True)
    assert {"rx", "rzz"} <= set(backend.target.operation_names)
    values = np.stack(np.meshgrid(np.linspace(-3, 3, 4), np.linspace(0, np.pi / 2, 3), indexing="ij"), axis=-1)
    result = answered(sent(primitive, backend, [(rotations(), values, 6)]), context)
    assert result[0].data.c.shape == (4, 3)


@pytest.mark.parametrize("primitive", [EstimatorV2, Estimator])
def test_fractional_gates_are_estimated(primitive: Any, context: Context) -> None:
    backend = seen(context.device.snapshot, context.device.capabilities, fractional=True)
    pub = (rotations().remove_final_measurements(inplace=False), "IIIZZ", np.array([[0.1, 0.2], [0.3, 1.5]]))
    result = answered(sent(primitive, backend, [pub], {"resilience_level": 1, "default_shots": 64}), context)
    assert result[0].data.evs.shape == (2,)


def test_an_angle_beyond_the_calibrated_ones_is_named(context: Context) -> None:
    backend = seen(context.device.snapshot, context.device.capabilities, fractional=True)
    program, text = sent(Sampler, backend, [(rotations(), [0.1, 2.0])])
    with pytest.raises(NotNative, match="rzz"):
        check(program, text, context.device)


def test_the_transpiler_makes_fractional_gates(context: Context) -> None:
    backend = seen(context.device.snapshot, context.device.capabilities, fractional=True)
    circuit = QuantumCircuit(2, 2)
    circuit.rx(0.4, 0)
    circuit.rzz(0.7, 0, 1)
    circuit.measure([0, 1], [0, 1])
    made = generate_preset_pass_manager(1, backend=backend, initial_layout=[0, 1], seed_transpiler=1).run(circuit)
    assert made.count_ops()["rzz"] == 1
    assert answered(sent(SamplerV2, backend, [(made, None, 4)]), context)[0].data.c.num_shots == 4
