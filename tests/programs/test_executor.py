"""The executor, with requests that the real client made and answers that it reads."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import Executor, IBMBackend
from qiskit_ibm_runtime.decoders.executor.decoder import AVAILABLE_DECODERS
from qiskit_ibm_runtime.decoders.result_decoder import ResultDecoder
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.options_models import ExecutorOptions
from qiskit_ibm_runtime.quantum_program import QuantumProgram
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS
from samplomatic import build
from samplomatic.transpiler import generate_boxing_pass_manager

from qpu_bridge.errors import BadRequest, NotNative, TooLarge, UnsupportedOption
from qpu_bridge.programs import Context, DeviceView, check, run
from tests.programs.client import decode

VERSIONS = tuple(QUANTUM_PROGRAM_PARAMS_CONVERTERS)


def swept() -> QuantumCircuit:
    qubits = QuantumRegister(5, "q")
    one, two = ClassicalRegister(2, "alpha"), ClassicalRegister(1, "beta")
    circuit = QuantumCircuit(qubits, one, two)
    circuit.sx(0)
    circuit.rz(Parameter("b"), 0)
    circuit.sx(0)
    circuit.rz(Parameter("a"), 1)
    circuit.cz(0, 1)
    circuit.measure([0, 3], one)
    circuit.measure(1, two[0])
    return circuit


def program(**changes: Any) -> QuantumProgram:
    made = QuantumProgram(shots=7, passthrough_data={"mine": [1, 2.5, "x", {"y": np.arange(3.0)}], "none": None}, **changes)
    made.append_circuit_item(swept(), circuit_arguments=np.arange(12.0).reshape(2, 3, 2))
    made._semantic_role = "somebody's"
    return made


def params(version: str, options: dict[str, Any] | None = None, **changes: Any) -> str:
    converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS[version]
    made = converter.encoder(program(**changes), ExecutorOptions(**(options or {})))
    return json.dumps(made.model_dump(mode="json"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_answered_in_its_own(version: str, context: Context) -> None:
    text = params(version)
    check("executor", text, context.device)
    answer = run("executor", text, context)
    assert json.loads(answer)["schema_version"] == version
    AVAILABLE_DECODERS[version][1].model_validate_json(answer)
    result = decode("executor", answer)
    assert result[0]["alpha"].shape == (2, 3, 7, 2)
    assert result[0]["beta"].shape == (2, 3, 7, 1)
    assert result[0]["alpha"].dtype == bool
    assert not result[0]["alpha"].all()
    assert sum(part.size for span in result.metadata.chunk_timing for part in span.parts) == 6
    if version != "v0.1":
        sent = json.loads(text)["quantum_program"]
        assert json.loads(answer)["passthrough_data"] == sent["passthrough_data"]
        assert json.loads(answer).get("semantic_role") == sent.get("semantic_role")


@pytest.mark.parametrize(
    ("level", "names", "kind"),
    [
        ("classified", {"alpha": (2, 3, 7, 2), "beta": (2, 3, 7, 1)}, "b"),
        ("kerneled", {"alpha_iq": (2, 3, 7, 2), "beta_iq": (2, 3, 7, 1)}, "c"),
        ("avg_kerneled", {"alpha_avg_iq": (2, 3, 2), "beta_avg_iq": (2, 3, 1)}, "c"),
        ("both", {"alpha": (2, 3, 7, 2), "beta": (2, 3, 7, 1), "alpha_iq": (2, 3, 7, 2), "beta_iq": (2, 3, 7, 1)}, "bc"),
    ],
)
def test_every_level_has_its_names_and_shapes(level: str, names: dict[str, Any], kind: str, context: Context) -> None:
    result = decode("executor", run("executor", params("v2.0", meas_level=level), context))
    assert {name: array.shape for name, array in result[0].items()} == names
    assert {array.dtype.kind for array in result[0].values()} == set(kind)


def test_bits_and_points_of_both_belong_together(context: Context) -> None:
    result = decode("executor", run("executor", params("v1.1", meas_level="both"), context))
    measure = context.device.snapshot.measures[0]
    side = np.real(result[0]["alpha_iq"][..., 0] * np.exp(-1j * measure.angle)) > measure.threshold
    assert np.array_equal(side, result[0]["alpha"][..., 0])


def test_unmeasured_bits_are_zero_and_registers_need_not_be_used(context: Context) -> None:
    circuit = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(3, "c"), ClassicalRegister(2, "unused"))
    circuit.x(0)
    circuit.measure(0, 1)
    result = decode("executor", run("executor", encoded(QuantumProgram(shots=50, items=[item(circuit)])), context))
    assert result[0]["c"].shape == (50, 3)
    assert not result[0]["c"][:, [0, 2]].any()
    assert result[0]["c"][:, 1].any()
    assert not result[0]["unused"].any()


def item(circuit: QuantumCircuit, values: Any = None, **more: Any) -> Any:
    from samplomatic.quantum_program import CircuitItem

    return CircuitItem(circuit, circuit_arguments=values, **more)


def encoded(made: QuantumProgram, options: dict[str, Any] | None = None, version: str = "v2.0") -> str:
    model = QUANTUM_PROGRAM_PARAMS_CONVERTERS[version].encoder(made, ExecutorOptions(**(options or {})))
    return json.dumps(model.model_dump(mode="json"))


def twirled(pub: QuantumCircuit, randomizations: int, values: Any = None) -> QuantumProgram:
    boxed = generate_boxing_pass_manager(enable_gates=True, enable_measures=True).run(pub)
    template, samplex = build(boxed)
    made = QuantumProgram(shots=5)
    arguments = {} if values is None else {"parameter_values": values}
    shape = (randomizations,) + (() if values is None else values.shape[:-1])
    made.append_samplex_item(template, samplex, arguments, shape=shape)
    return made


def test_samplex_items_give_back_all_but_the_angles(context: Context) -> None:
    made = twirled(swept(), 70, np.arange(6.0).reshape(3, 2))
    result = decode("executor", run("executor", encoded(made), context))
    assert result[0]["alpha"].shape == (70, 3, 5, 2)
    flips = result[0]["measurement_flips.alpha"]
    assert flips.shape == (70, 3, 1, 2)
    assert 0.2 < flips.mean() < 0.8
    assert "parameter_values" not in result[0]


def test_the_same_seed_gives_the_same_bytes(again: Any) -> None:
    made = encoded(twirled(swept(), 70, np.arange(6.0).reshape(3, 2)))
    one, two = (json.loads(run("executor", made, again()))["data"] for _ in range(2))
    assert one == two
    other = json.loads(
        run("executor", encoded(twirled(swept(), 70, np.arange(6.0).reshape(3, 2)), {"experimental": {"seed": 5}}), again())
    )["data"]
    assert other != one


def test_timing_and_stretches_are_told_when_asked(context: Context) -> None:
    sent = json.loads(params("v2.0"))
    sent["options"] |= {"scheduler_timing": True, "stretch_values": True}
    result = decode("executor", run("executor", json.dumps(sent), context))
    timing = result[0].metadata.scheduler_timing
    assert timing.circuit_duration > 500
    assert all(len(line.split(",")) == 6 for line in timing.timing.strip().splitlines())
    plain = decode("executor", run("executor", params("v2.0"), context))
    assert plain[0].metadata.scheduler_timing is None


def test_chunks_name_their_elements(context: Context) -> None:
    sent = json.loads(params("v2.0"))
    sent["quantum_program"]["items"][0]["chunk_size"] = 4
    spans = json.loads(run("executor", json.dumps(sent), context))["metadata"]["chunk_timing"]
    parts = [part for span in spans for part in span["parts"]]
    assert [part["element_range"] for part in parts] == [[0, 4, 1], [4, 6, 1]]
    assert parts[0]["permutation"] == [0, 1]


def test_a_shape_beyond_the_arguments_repeats(context: Context) -> None:
    sent = json.loads(params("v2.0"))
    sent["quantum_program"]["items"][0]["shape"] = [4, 2, 3]
    result = decode("executor", run("executor", json.dumps(sent), context))
    assert result[0]["alpha"].shape == (4, 2, 3, 7, 2)
    sent["quantum_program"]["items"][0]["shape"] = [4, 5]
    with pytest.raises(BadRequest, match="shape"):
        check("executor", json.dumps(sent), context.device)


def test_openqasm_text_may_stand_for_circuits(context: Context) -> None:
    text = """OPENQASM 3.0; include "stdgates.inc";
    gate rzz(t) a, b { cx a, b; rz(t) b; cx a, b; }
    input float[64] theta; qubit[5] q; bit[2] c;
    sx q[0]; rz(theta) q[0]; sx q[0]; rzz(0.3) q[0], q[1]; c[0] = measure q[0]; c[1] = measure q[1];"""
    sent = json.loads(encoded(QuantumProgram(shots=9, items=[item(one_angle(), np.zeros((3, 1)))])))
    sent["quantum_program"]["circuits"] = {"data": [text]}
    check("executor", json.dumps(sent), context.device)
    assert decode("executor", run("executor", json.dumps(sent), context))[0]["c"].shape == (3, 9, 2)


def one_angle(gate: str = "rz") -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    getattr(circuit, gate)(Parameter("t"), 0)
    circuit.measure(0, 0)
    return circuit


def rzz(angle: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    circuit.rzz(angle, 0, 1)
    circuit.measure(0, 0)
    return circuit


def foreign() -> QuantumCircuit:
    circuit = QuantumCircuit(5, 1)
    circuit.h(2)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize(
    ("made", "error", "says"),
    [
        (lambda: QuantumProgram(shots=1, items=[item(foreign())]), NotNative, "h"),
        (lambda: QuantumProgram(shots=1, items=[item(rzz(2.0))]), NotNative, "rzz"),
        (lambda: QuantumProgram(shots=1, items=[item(rzz(Parameter("t")), [[0.1], [-0.1]])]), NotNative, "rzz"),
        (lambda: QuantumProgram(shots=10**9, items=[item(one_angle(), [0.0])]), TooLarge, "shots"),
        (lambda: QuantumProgram(shots=1, items=[item(QuantumCircuit(9))]), TooLarge, "qubits"),
    ],
)
def test_what_cannot_run_is_refused_at_submission(made: Any, error: type[Exception], says: str, device: DeviceView) -> None:
    with pytest.raises(error, match=says):
        check("executor", encoded(made()), device)


def changed(path: str, value: Any, version: str = "v2.0") -> str:
    sent = json.loads(params(version))
    here = sent
    *parents, last = path.split(".")
    for name in parents:
        here = here[int(name)] if isinstance(here, list) else here[name]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return json.dumps(sent)


@pytest.mark.parametrize(
    ("path", "value", "error", "says"),
    [
        ("schema_version", "v9.9", BadRequest, "v9.9"),
        ("schema_version", None, BadRequest, "schema_version"),
        ("quantum_program", None, BadRequest, "quantum_program"),
        ("quantum_program.shots", 0, BadRequest, "shots"),
        ("quantum_program.shots", "many", BadRequest, "shots"),
        ("quantum_program.meas_level", "raw", BadRequest, "meas_level"),
        ("quantum_program.circuits.b64_data", "!!", BadRequest, "base 64"),
        ("quantum_program.circuits.b64_data", "aGVsbG8=", BadRequest, "zlib"),
        ("quantum_program.items.0.item_type", "pulse", BadRequest, "items.0"),
        ("quantum_program.surprise", 1, UnsupportedOption, "surprise"),
        ("options.rep_delay", 10.0, BadRequest, "(options.rep_delay)"),
        ("options.rep_delay", -1.0, BadRequest, "rep_delay"),
        ("options.surprise", 1, UnsupportedOption, "surprise"),
        ("options.experimental", {"surprise": 1}, UnsupportedOption, "surprise"),
        ("options.experimental", {"device": {"surprise": 1}}, UnsupportedOption, "surprise"),
        ("options.experimental", {"device": {"row_seconds": -1}}, UnsupportedOption, "row_seconds"),
        ("options.experimental", {"device": {"row_seconds": 0.1}, "noise": {"row_seconds": 0.2}}, BadRequest, "0.1 and 0.2"),
        ("options.experimental", {"seed": "x"}, BadRequest, "seed"),
    ],
)
def test_malformed_requests_name_the_field(path: str, value: Any, error: type[Exception], says: str, device: DeviceView) -> None:
    with pytest.raises(error, match=re.escape(says)):
        check("executor", changed(path, value), device)


def test_v0_1_has_no_timing_option(device: DeviceView) -> None:
    with pytest.raises(UnsupportedOption, match="scheduler_timing"):
        check("executor", changed("options.scheduler_timing", True, "v0.1"), device)


@pytest.mark.parametrize("version", ["v0.1", "v1.1", "v2.0"])
@pytest.mark.parametrize(("number", "says"), [(12, "at least 13"), (99, "QPY version")])
def test_old_and_future_qpy_is_refused_unread(version: str, number: int, says: str, device: DeviceView) -> None:
    import base64
    import zlib

    sent = json.loads(params(version))
    body = sent["quantum_program"]
    holder, key = (body["items"][0]["circuit"], "circuit_b64") if version == "v0.1" else (body["circuits"], "b64_data")
    raw = base64.b64decode(holder[key])
    raw = zlib.decompress(raw) if version == "v2.0" else raw
    raw = raw[:6] + bytes([number]) + b"\x00" * 8
    holder[key] = base64.b64encode(zlib.compress(raw) if version == "v2.0" else raw).decode()
    with pytest.raises(BadRequest, match=says):
        check("executor", json.dumps(sent), device)


def test_too_many_rows_are_refused(device: DeviceView) -> None:
    sent = json.loads(params("v2.0"))
    sent["quantum_program"]["items"][0]["shape"] = [10**9, 2, 3]
    with pytest.raises(TooLarge, match="randomizations"):
        check("executor", json.dumps(sent), device)


def test_a_bomb_is_not_inflated(device: DeviceView) -> None:
    import base64
    import zlib

    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    text = changed("quantum_program.items.0.circuit_arguments", {"data": bomb, "shape": [2, 3, 2], "dtype": "f64"})
    with pytest.raises(TooLarge):
        check("executor", text, device)


def test_settings_reach_the_device(context: Context) -> None:
    import time

    began = time.monotonic()
    run("executor", params("v2.0", {"experimental": {"device": {"row_seconds": 0.02}}}), context)
    assert time.monotonic() - began > 6 * 0.02


def test_a_short_wait_is_made_up_for_by_an_active_reset(context: Context) -> None:
    plain = duration(params("v2.0"), context)
    assert duration(params("v2.0", {"execution": {"rep_delay": 1e-6}}), context) > plain
    assert duration(params("v2.0", {"execution": {"rep_delay": 1e-6, "init_qubits": False}}), context) == plain


def duration(text: str, context: Context) -> int:
    sent = json.loads(text)
    sent["options"]["scheduler_timing"] = True
    result = decode("executor", run("executor", json.dumps(sent), context))
    return int(result[0].metadata.scheduler_timing.circuit_duration)


@pytest.mark.parametrize("version", VERSIONS)
def test_result_and_log_say_where_the_result_comes_from(version: str, context: Context) -> None:
    lines: list[str] = []
    object.__setattr__(context, "log", lines.append)
    answer = run("executor", params(version), context)
    line = next(line for line in lines if line.startswith("provenance "))
    found = json.loads(line.removeprefix("provenance "))
    assert ResultDecoder.is_applicable(answer)
    assert ResultDecoder.decode(answer)["metadata"]["qpu_bridge"] == found
    assert found["calibration_id"] == context.device.snapshot.calibration_id
    assert found["seed"] == 11
    assert found["driver"]["simulated"] is True


def test_the_executor_class_of_the_client(backend: IBMBackend, context: Context) -> None:
    sent = Executor(backend).run(program())
    result = decode(sent.program_id, run(sent.program_id, sent.params_json, context))
    assert result.passthrough_data["mine"][3]["y"].tolist() == [0.0, 1.0, 2.0]
    assert result._semantic_role == "somebody's"


def test_the_new_sampler_of_the_client(backend: IBMBackend, context: Context) -> None:
    sampler = Sampler(backend)
    sampler.options.twirling.enable_gates = sampler.options.twirling.enable_measure = True
    sampler.options.dynamical_decoupling.enable = True
    sent = sampler.run([(swept(), np.zeros((2, 2)))], shots=100)
    check(sent.program_id, sent.params_json, context.device)
    result = decode(sent.program_id, run(sent.program_id, sent.params_json, context))
    assert result[0].data.alpha.shape == (2,)
    assert result[0].data.alpha.num_bits == 2


def test_the_new_estimator_of_the_client(backend: IBMBackend, context: Context) -> None:
    estimator = Estimator(backend)
    estimator.options.resilience_level = 2
    circuit = swept().remove_final_measurements(inplace=False)
    sent = estimator.run([(circuit, ["IIIZZ", "IIIXX"], np.zeros((2, 1, 2)))], precision=0.1)
    check(sent.program_id, sent.params_json, context.device)
    result = decode(sent.program_id, run(sent.program_id, sent.params_json, context))
    assert result[0].data.evs.shape == (2, 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_delay_whose_unit_was_lost_is_refused(version: str, context: Context) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.delay(5, 0, unit="us")
    circuit.measure(0, 0)
    made = QuantumProgram(shots=7)
    made.append_circuit_item(circuit)
    text = json.dumps(QUANTUM_PROGRAM_PARAMS_CONVERTERS[version].encoder(made, ExecutorOptions()).model_dump(mode="json"))
    with pytest.raises(BadRequest, match="delay must be a whole number of dt"):
        check("executor", text, context.device)
