"""The older estimator, with requests that the real client made and answers that it reads."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.estimator.version_0_1 import OptionsModel, PrimitiveResultWrapperModel
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_ibm_runtime import EstimatorV2, IBMBackend

from qpu_bridge.errors import BadRequest, NotNative, TooLarge, UnsupportedOption
from qpu_bridge.programs import Context, DeviceView, check, run
from tests.programs.client import decode


def circuit(parameters: int = 1) -> QuantumCircuit:
    made = QuantumCircuit(5)
    made.sx(0)
    for index in range(parameters):
        made.rz(Parameter(f"p{index}"), 0)
    made.sx(0)
    made.cz(0, 1)
    made.metadata = {"who": "me"}
    return made


def sent(backend: IBMBackend, pubs: list[Any], options: dict[str, Any] | None = None, **more: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return EstimatorV2(backend, options=options or {}).run(pubs, **more).params_json


def answered(text: str, context: Context) -> Any:
    check("estimator", text, context.device)
    answer = run("estimator", text, context)
    return decode("estimator", answer)


@pytest.mark.parametrize(
    ("level", "fields"),
    [
        (0, {"evs", "stds", "ensemble_standard_error"}),
        (1, {"evs", "stds", "ensemble_standard_error"}),
        (
            2,
            {
                "evs",
                "stds",
                "evs_noise_factors",
                "stds_noise_factors",
                "ensemble_stds_noise_factors",
                "evs_extrapolated",
                "stds_extrapolated",
            },
        ),
    ],
)
def test_levels(level: int, fields: set[str], backend: IBMBackend, context: Context) -> None:
    observables = [[{"IIIZZ": 1.0, "IIIXX": 0.5}], [{"IIIIZ": 1.0}]]
    text = sent(backend, [(circuit(), observables, np.zeros((3, 1)), 0.1)], {"resilience_level": level})
    result = answered(text, context)
    assert set(result[0].data) == fields
    assert result[0].data.evs.shape == (2, 3)
    assert result[0].metadata["circuit_metadata"] == {"who": "me"}
    assert result[0].metadata["target_precision"] == 0.1
    assert result[0].metadata["shots"] == (128 if level else 100)
    assert result[0].metadata["num_randomizations"] == (2 if level else 1)
    assert result.metadata["version"] == 2
    assert result.metadata["resilience"]["measure_mitigation"] is bool(level)
    assert result.metadata["resilience"]["zne_mitigation"] is (level == 2)
    assert result.metadata["twirling"]["enable_measure"] is bool(level)
    assert result.metadata["qpu_bridge"]["calibration_id"] == "synthetic"
    if level == 2:
        assert result[0].data.evs_noise_factors.shape == (2, 3, 3)
        assert result[0].data.evs_extrapolated.shape == (2, 3, 2, 4)
        assert np.shape(result[0].metadata["resilience"]["zne"]["extrapolator"]) == (2, 3)


def test_the_published_schema_of_results(backend: IBMBackend, context: Context) -> None:
    answer = json.loads(run("estimator", sent(backend, [(circuit(), "IIIIZ", [0.1])]), context))
    assert answer["__type__"] == "PrimitiveResult"
    assert answer["__value__"]["pub_results"][0]["__type__"] == "PubResult"
    # the published model wants a list of field types, which the client itself does not write
    answer["__value__"]["pub_results"][0]["__value__"]["data"]["__value__"]["field_types"] = []
    PrimitiveResultWrapperModel.model_validate(answer)


def test_level_one_is_the_default(backend: IBMBackend, context: Context) -> None:
    assert answered(sent(backend, [(circuit(0), "IIIIZ")]), context).metadata["resilience"]["measure_mitigation"] is True


@pytest.mark.parametrize(
    ("options", "precision", "shots", "named"),
    [
        ({}, None, 4096, 0.015625),
        ({"default_shots": 200}, None, 200, 200**-0.5),
        ({"default_precision": 0.05}, None, 400, 0.05),
        ({"default_shots": 200}, 0.1, 100, 0.1),
    ],
)
def test_precision_and_shots(
    options: dict[str, Any], precision: float | None, shots: int, named: float, backend: IBMBackend, context: Context
) -> None:
    text = sent(backend, [(circuit(), "IIIIZ", [0.1])], {"resilience_level": 0} | options, precision=precision)
    metadata = answered(text, context)[0].metadata
    assert metadata["shots"] == shots
    assert metadata["target_precision"] == pytest.approx(named)


def test_pubs_of_different_precision_come_back_in_order(backend: IBMBackend, context: Context) -> None:
    pubs = [(circuit(), "IIIIZ", [[0.1]] * n, precision) for n, precision in ((2, 0.1), (3, 0.2), (4, 0.1))]
    result = answered(sent(backend, pubs), context)
    assert [pub.data.evs.shape for pub in result] == [(2,), (3,), (4,)]
    assert [pub.metadata["target_precision"] for pub in result] == [0.1, 0.2, 0.1]


def test_readout_is_learned_with_its_own_numbers(backend: IBMBackend, context: Context) -> None:
    lines: list[str] = []
    object.__setattr__(context, "log", lines.append)
    options = {
        "resilience": {
            "measure_mitigation": True,
            "measure_noise_learning": {"num_randomizations": 6, "shots_per_randomization": 50},
        }
    }
    answered(sent(backend, [(circuit(0), "IIIIZ", None, 0.1)], options), context)
    assert any("6 rows x 50 shots" in line for line in lines)
    lines.clear()
    answered(sent(backend, [(circuit(0), "IIIIZ", None, 0.1)]), context)
    assert any("32 rows x 64 shots" in line for line in lines)


@pytest.mark.parametrize("amplifier", ["gate_folding", "gate_folding_front", "gate_folding_back"])
def test_folding(amplifier: str, backend: IBMBackend, context: Context) -> None:
    zne = {"amplifier": amplifier, "noise_factors": [1, 2, 3], "extrapolator": "linear", "extrapolated_noise_factors": [0]}
    options = {"resilience": {"zne_mitigation": True, "zne": zne}}
    result = answered(sent(backend, [(circuit(), "IIIIZ", [[0.1], [0.2]], 0.1)], options), context)
    assert result[0].data.evs_noise_factors.shape == (2, 3)
    assert result.metadata["resilience"]["zne"]["noise_factors"] == [1, 2, 3]


def test_seed_estimator(backend: IBMBackend, context: Context) -> None:
    text = sent(backend, [(circuit(), "IIIIZ", [0.1], 0.1)], {"seed_estimator": 5})
    one, two = answered(text, context), answered(text, context)
    assert one[0].data.evs == two[0].data.evs
    assert one.metadata["qpu_bridge"]["seed"] == 5


def test_decoupling_and_timing(backend: IBMBackend, context: Context) -> None:
    options = {
        "dynamical_decoupling": {"enable": True, "sequence_type": "XY4"},
        "experimental": {"execution": {"scheduler_timing": True}},
    }
    result = answered(sent(backend, [(circuit(), "IIIIZ", [0.1], 0.1)], options), context)
    assert result.metadata["dynamical_decoupling"]["enable"] is True
    assert result[0].metadata["compilation"]["scheduler_timing"]["circuit_duration"] > 0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"surprise": 1}, UnsupportedOption, "surprise"),
        ({"resilience": {"surprise": 1}}, UnsupportedOption, "resilience.surprise"),
        ({"resilience": {"pec_mitigation": True, "zne_mitigation": True}}, BadRequest, "pec_mitigation"),
        ({"resilience": {"pec_mitigation": True}, "twirling": {"enable_gates": False}}, UnsupportedOption, "enable_gates"),
        ({"resilience": {"pec": {"max_overhead": 0}}}, BadRequest, "pec.max_overhead"),
        ({"resilience": {"layer_noise_model": {"__type__": "NoiseLearnerResult"}}}, BadRequest, "NoiseLearnerResult"),
        ({"resilience": {"zne": {"noise_factors": [1]}}}, BadRequest, "noise"),
        ({"resilience": {"zne_mitigation": False, "zne": {"noise_factors": [1, 3]}}}, UnsupportedOption, "zne_mitigation"),
        ({"twirling": {"enable_measure": False}}, UnsupportedOption, "enable_measure"),
        ({"default_shots": 10**12}, TooLarge, "shots"),
        ({"execution": {"rep_delay": 5.0}}, BadRequest, r"\(options\.execution\.rep_delay\)"),
        ({"execution": {"meas_type": "kerneled"}}, UnsupportedOption, "meas_type"),
    ],
)
def test_options_that_cannot_be_honoured(
    options: Any, error: type[Exception], says: str, backend: IBMBackend, device: DeviceView
) -> None:
    request = json.loads(sent(backend, [(circuit(), "IIIIZ", [0.1])]))
    request["options"] = options
    with pytest.raises(error, match=says):
        check("estimator", json.dumps(request), device)


def test_documented_defaults_may_be_spelled_out(backend: IBMBackend, context: Context) -> None:
    request = json.loads(sent(backend, [(circuit(), "IIIIZ", [0.1], 0.1)]))
    request["options"] = json.loads(json.dumps(OptionsModel().model_dump()))
    assert answered(json.dumps(request), context)[0].data.evs.shape == ()


@pytest.mark.parametrize(
    ("pub", "error", "says"),
    [
        ([None, "ZZ", [0.1]], BadRequest, "observable"),
        ([None, {"IIIIQ": 1.0}, [0.1]], BadRequest, "observable"),
        ([None, None, [0.1]], BadRequest, "observable"),
        ([None, [], [0.1]], BadRequest, "must have an observable"),
        ([None, "IIIIZ", [0.1], -1], BadRequest, "precision"),
        ([None, "IIIIZ", [[0.1, 0.2]]], BadRequest, "parameter"),
        ([None], BadRequest, "observable"),
        (['OPENQASM 3.0; include "stdgates.inc"; qubit[5] q; h q[2];', "IIIIZ"], NotNative, "h"),
    ],
)
def test_malformed_pubs(pub: list[Any], error: type[Exception], says: str, backend: IBMBackend, device: DeviceView) -> None:
    request = json.loads(sent(backend, [(circuit(), "IIIIZ", [0.1])]))
    request["pubs"] = [[request["pubs"][0][0] if pub[0] is None else pub[0], *pub[1:]]]
    with pytest.raises(error, match=says):
        check("estimator", json.dumps(request), device)


def test_an_unknown_level(backend: IBMBackend, device: DeviceView) -> None:
    request = json.loads(sent(backend, [(circuit(), "IIIIZ", [0.1])]))
    with pytest.raises(BadRequest, match="resilience_level"):
        check("estimator", json.dumps(request | {"resilience_level": 3}), device)
