"""The older sampler, with requests that the real client made and answers that it reads."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.sampler.version_0_1 import OptionsModel
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray
from qiskit_ibm_runtime import IBMBackend, SamplerV2
from qiskit_ibm_runtime.execution_span import DoubleSliceSpan, TwirledSliceSpanV2
from qiskit_ibm_runtime.json import RuntimeEncoder

from qpu_bridge.errors import BadRequest, NotNative, TooLarge, UnsupportedOption
from qpu_bridge.programs import Context, DeviceView, check, run
from qpu_bridge.schedule import Feature
from tests.programs.client import decode


def circuit(parameters: int = 2) -> QuantumCircuit:
    made = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(2, "alpha"), ClassicalRegister(1, "beta"))
    made.sx(0)
    for index in range(parameters):
        made.rz(Parameter(f"p{index}"), index)
    made.sx(0)
    made.cz(0, 1)
    made.measure([0, 3], [0, 1])
    made.measure(1, 2)
    made.metadata = {"who": "me", "when": 3}
    return made


def sent(backend: IBMBackend, pubs: list[Any], options: dict[str, Any] | None = None, **more: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SamplerV2(backend, options=options or {}).run(pubs, **more).params_json


def answered(text: str, context: Context) -> Any:
    check("sampler", text, context.device)
    return decode("sampler", run("sampler", text, context))


def test_the_client_reads_bits_by_register(backend: IBMBackend, context: Context) -> None:
    result = answered(sent(backend, [(circuit(), np.zeros((3, 4, 2)), 100)]), context)
    data = result[0].data
    assert data.shape == (3, 4)
    assert isinstance(data.alpha, BitArray)
    assert (data.alpha.shape, data.alpha.num_shots, data.alpha.num_bits) == ((3, 4), 100, 2)
    assert data.beta.num_bits == 1
    assert result[0].metadata == {"circuit_metadata": {"who": "me", "when": 3}}
    assert result.metadata["version"] == 2
    assert result.metadata["qpu_bridge"]["calibration_id"] == "synthetic"
    assert result.metadata["qpu_bridge"]["seed"] == 11
    spans = result.metadata["execution"]["execution_spans"]
    assert all(isinstance(span, DoubleSliceSpan) for span in spans)
    assert sum(span.mask(0) for span in spans).all()


@pytest.mark.parametrize(("asked", "shots"), [({}, 4096), ({"default_shots": 33}, 33)])
def test_shots_nobody_named(asked: dict[str, Any], shots: int, backend: IBMBackend, context: Context) -> None:
    text = sent(backend, [circuit(0)], asked)
    assert json.loads(text)["pubs"][0][2] is None
    assert answered(text, context)[0].data.alpha.num_shots == shots


def test_pubs_of_different_shots_come_back_in_order(backend: IBMBackend, context: Context) -> None:
    pubs = [(circuit(0), None, 5), (circuit(1), [[0.1], [0.2]], 7), (circuit(0), None, 5)]
    result = answered(sent(backend, pubs), context)
    assert [pub.data.alpha.num_shots for pub in result] == [5, 7, 5]
    assert [pub.data.shape for pub in result] == [(), (2,), ()]
    spans = result.metadata["execution"]["execution_spans"]
    assert {index for span in spans for index in span.pub_idxs} == {0, 1, 2}


@pytest.mark.parametrize("strategy", ["active", "active-accum", "active-circuit", "all"])
def test_twirled_shots_are_exactly_those_asked_for(strategy: str, backend: IBMBackend, context: Context) -> None:
    options = {"twirling": {"enable_gates": True, "enable_measure": True, "strategy": strategy}}
    result = answered(sent(backend, [(circuit(), np.zeros((3, 2)), 1000)], options), context)
    assert result[0].data.alpha.num_shots == 1000
    assert result[0].metadata["num_randomizations"] == 16
    span = result.metadata["execution"]["execution_spans"][0]
    assert isinstance(span, TwirledSliceSpanV2)
    assert span.mask(0).shape == (3, 1000)


def test_the_product_of_twirling_numbers_overrides_only_the_default(backend: IBMBackend, context: Context) -> None:
    options = {"twirling": {"enable_measure": True, "num_randomizations": 3, "shots_per_randomization": 5}}
    assert answered(sent(backend, [circuit(0)], options), context)[0].data.alpha.num_shots == 15
    assert answered(sent(backend, [(circuit(0), None, 12)], options), context)[0].data.alpha.num_shots == 12
    with pytest.raises(BadRequest, match="15 < 16"):
        check("sampler", sent(backend, [(circuit(0), None, 16)], options), context.device)


@pytest.mark.parametrize(("level", "shape"), [("kerneled", (3, 10, 2)), ("avg_kerneled", (3, 2))])
@pytest.mark.parametrize("twirl", [False, True])
def test_points(level: str, shape: tuple[int, ...], twirl: bool, backend: IBMBackend, context: Context) -> None:
    options: dict[str, Any] = {"execution": {"meas_type": level}, "twirling": {"enable_gates": twirl}}
    result = answered(sent(backend, [(circuit(), np.zeros((3, 2)), 10)], options), context)
    assert result[0].data.alpha.shape == shape
    assert result[0].data.alpha.dtype.kind == "c"


@pytest.mark.parametrize(
    ("level", "feature"),
    [
        ("kerneled", Feature.SINGLE_SHOT_IQ),
        ("avg_kerneled", Feature.AVERAGE),
        ("classified", Feature.SINGLE_SHOT),
        ("classified", Feature.DISCRIMINATE),
    ],
)
def test_what_the_device_cannot_return_is_refused_at_submission(
    level: str, feature: Feature, backend: IBMBackend, device: DeviceView
) -> None:
    request = sent(backend, [circuit(0)], {"execution": {"meas_type": level}})
    check("sampler", request, device)
    limits = device.capabilities.limits
    poor = limits.model_copy(update={"features": limits.features - {feature}})
    view = replace(device, capabilities=device.capabilities.model_copy(update={"limits": poor}))
    with pytest.raises(UnsupportedOption, match=f"feature {feature.value};"):
        check("sampler", request, view)


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
def test_decoupling_happens_on_the_schedule(sequence: str, backend: IBMBackend, context: Context) -> None:
    lines: list[str] = []
    object.__setattr__(context, "log", lines.append)
    waiting = QuantumCircuit(5, 2)
    waiting.sx([0, 1])
    waiting.delay(2000, 0)
    waiting.barrier(0, 1)
    waiting.delay(2000, 1)
    waiting.measure([0, 1], [0, 1])
    answered(sent(backend, [(waiting, None, 10)]), context)
    options = {"dynamical_decoupling": {"enable": True, "sequence_type": sequence, "skip_reset_qubits": True}}
    answered(sent(backend, [(waiting, None, 10)], options), context)
    plain, decoupled = (int(line.split()[2]) for line in lines if "events" in line)
    assert decoupled > plain


def test_a_pub_without_parameters_keeps_its_shape(backend: IBMBackend, context: Context) -> None:
    from qiskit.primitives.containers.bindings_array import BindingsArray
    from qiskit.primitives.containers.sampler_pub import SamplerPub

    for options in ({}, {"twirling": {"enable_gates": True}}):
        pub = SamplerPub(circuit(0), BindingsArray(shape=(2, 3)), 20)
        text = json.loads(sent(backend, [pub], options))
        assert answered(json.dumps(text), context)[0].data.alpha.shape == (2, 3)


def test_circuits_that_return_nothing(backend: IBMBackend, context: Context) -> None:
    silent = QuantumCircuit(5)
    silent.x(0)
    result = answered(sent(backend, [silent, circuit(0)], {"default_shots": 5}), context)
    assert list(result[0].data) == []
    assert result[1].data.alpha.num_shots == 5


def test_text_circuits_and_short_pubs(context: Context) -> None:
    text = """OPENQASM 3.0; include "stdgates.inc"; qubit[5] q; bit[2] c; x q[0]; c[0] = measure q[0];"""
    result = answered(json.dumps({"pubs": [[text]], "shots": 8, "version": 2, "support_qiskit": True}), context)
    assert result[0].data.c.num_shots == 8


def test_timing_can_be_asked_for(backend: IBMBackend, context: Context) -> None:
    options = {"experimental": {"execution": {"scheduler_timing": True}}}
    result = answered(sent(backend, [(circuit(0), None, 5)], options), context)
    assert result[0].metadata["compilation"]["scheduler_timing"]["circuit_duration"] > 0


def test_seeds(backend: IBMBackend, again: Callable[[], Context]) -> None:
    pubs, twirling = [(circuit(0), None, 50)], {"enable_gates": True}

    def counts(**options: Any) -> Any:
        return answered(sent(backend, pubs, {"twirling": twirling} | options), again())[0].data.alpha.get_counts()

    assert counts() == counts()
    assert counts(simulator={"seed_simulator": 5}) == counts(experimental={"seed": 5})
    assert counts(simulator={"seed_simulator": 5}) != counts()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"surprise": 1}, UnsupportedOption, "surprise"),
        ({"twirling": {"surprise": 1}}, UnsupportedOption, "twirling.surprise"),
        ({"simulator": {"coupling_map": [[0, 1]]}}, UnsupportedOption, "simulator.coupling_map"),
        ({"simulator": {"noise_model": {"__type__": "NoiseModel", "__value__": {}}}}, UnsupportedOption, "simulator.noise_model"),
        ({"experimental": {"surprise": 1}}, UnsupportedOption, "surprise"),
        ({"execution": {"rep_delay": 5.0}}, BadRequest, r"\(options\.execution\.rep_delay\)"),
        ({"execution": {"meas_type": "raw"}}, BadRequest, "meas_type"),
        ({"dynamical_decoupling": {"sequence_type": "YY"}}, BadRequest, "sequence_type"),
        ({"twirling": {"num_randomizations": 0}}, BadRequest, "num_randomizations"),
        ({"execution": {"meas_type": "kerneled"}, "twirling": {"enable_measure": True}}, UnsupportedOption, "enable_measure"),
        ({"default_shots": 10**9}, TooLarge, "shots"),
        ({"twirling": {"enable_gates": True, "num_randomizations": 10**9}}, TooLarge, "randomizations"),
        (7, BadRequest, "options"),
    ],
)
def test_options_that_cannot_be_honoured(
    options: Any, error: type[Exception], says: str, backend: IBMBackend, device: DeviceView
) -> None:
    request = json.loads(sent(backend, [circuit(0)]))
    request["options"] = options
    with pytest.raises(error, match=says):
        check("sampler", json.dumps(request), device)


def test_documented_defaults_may_be_spelled_out(backend: IBMBackend, context: Context) -> None:
    request = json.loads(sent(backend, [(circuit(0), None, 5)]))
    request["options"] = OptionsModel().model_dump() | {"simulator": {"coupling_map": None, "noise_model": None}}
    assert answered(json.dumps(request), context)[0].data.alpha.num_shots == 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 1}, "version"),
        ({"pubs": []}, "pub"),
        ({"pubs": [[]]}, "pub"),
        ({"pubs": [[1]]}, "circuit"),
        ({"pubs": [["not a program"]]}, "OpenQASM"),
        ({"pubs": [[{"__type__": "settings", "__module__": "os", "__class__": "system", "__value__": {}}]]}, "circuit"),
        ({"pubs": [[{"__type__": "QuantumCircuit", "__value__": "AAAA"}]]}, "zlib"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_malformed_requests(change: dict[str, Any], says: str, backend: IBMBackend, device: DeviceView) -> None:
    request = json.loads(sent(backend, [circuit(0)])) | change
    with pytest.raises((BadRequest, UnsupportedOption), match=says):
        check("sampler", json.dumps(request), device)


def test_values_must_fit(backend: IBMBackend, device: DeviceView) -> None:
    request = json.loads(sent(backend, [(circuit(2), [0.1, 0.2])]))
    strange = (np.array([[1j, 0]]), np.array([["1.5", "2"]]), np.zeros((2, 2), dtype="M8[s]"), np.zeros((1,) * 32 + (2,)))
    typed = [json.loads(json.dumps(values, cls=RuntimeEncoder)) for values in strange]
    for values in ([0.1], [[0.1, 0.2, 0.3]], ["x", "y"], [float("nan"), 0.0], [10**400, 0], *typed):
        request["pubs"][0][1] = values
        with pytest.raises(BadRequest, match="parameter"):
            check("sampler", json.dumps(request), device)
    request["pubs"][0] = [request["pubs"][0][0], [0.1, 0.2], -3]
    with pytest.raises(BadRequest, match="shots"):
        check("sampler", json.dumps(request), device)


def test_circuits_that_are_not_the_machine_s(backend: IBMBackend, device: DeviceView) -> None:
    request = json.loads(sent(backend, [circuit(0)]))
    request["pubs"][0][0] = 'OPENQASM 3.0; include "stdgates.inc"; qubit[5] q; bit c; h q[2]; c = measure q[2];'
    with pytest.raises(NotNative, match="h"):
        check("sampler", json.dumps(request), device)
