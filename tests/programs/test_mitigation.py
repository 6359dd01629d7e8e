"""Cancellation, amplification and extrapolation in the older estimator, with noise that is given or learned."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.estimator.version_0_1 import PrimitiveResultWrapperModel
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliLindbladMap, PauliList
from qiskit_ibm_runtime import EstimatorV2, IBMBackend
from qiskit_ibm_runtime.results import LayerError, NoiseLearnerResult
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from qpu_bridge.errors import BadRequest, OperatorError, TooLarge, UnsupportedOption
from qpu_bridge.programs import Context, DeviceView, check, run
from qpu_bridge.programs.circuit_layers import GateLayer, find_layers
from qpu_bridge.programs.estimator_program import layers_of
from qpu_bridge.programs.estimator_request import read_request
from qpu_bridge.programs.layer_noise import match
from qpu_bridge.programs.typed_json import read_typed
from tests.programs.client import decode

PAIR = GateLayer(frozenset({("cz", (), (0, 1))}), (0, 1))


def circuit(gates: int = 4) -> QuantumCircuit:
    made = QuantumCircuit(5)
    made.sx(0)
    for _ in range(gates):
        made.cz(0, 1)
        made.barrier()
    return made


def error(qubits: list[int], terms: dict[str, float], gate: tuple[int, int] = (0, 1)) -> LayerError:
    """A layer of one CZ on two of the layer's qubits, by their places in it; labels as Qiskit writes them."""
    layer = QuantumCircuit(len(qubits))
    layer.cz(*gate)
    return LayerError(layer, qubits, PauliLindbladError(PauliList(list(terms)), list(terms.values())))


def sent(backend: IBMBackend, options: dict[str, Any], precision: float = 0.1, **more: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = EstimatorV2(backend, options={"resilience_level": 0} | options)
        text: str = estimator.run([(more.pop("circuit", circuit()), "IIIZZ")], precision=precision, **more).params_json
    return text


def answered(text: str, context: Context) -> Any:
    check("estimator", text, context.device)
    return decode("estimator", run("estimator", text, context))


def logged(context: Context) -> list[str]:
    lines: list[str] = []
    object.__setattr__(context, "log", lines.append)
    return lines


def pec(model: Any, **options: Any) -> dict[str, Any]:
    return {"resilience": {"pec_mitigation": True, "pec": options, "layer_noise_model": model}}


@pytest.mark.parametrize("wrapped", [False, True])
def test_cancellation_with_given_noise(wrapped: bool, backend: IBMBackend, context: Context) -> None:
    lines = logged(context)
    errors = [error([1, 0], {"IZ": 0.01, "XX": 0.02})]
    options = {"max_layers_to_learn": 1, "shots_per_randomization": 8, "num_randomizations": 8, "layer_pair_depths": [0, 1]}
    metadata = {"backend": "synthetic", "input_options": options | {"twirling_strategy": "active-accum"}}
    model = NoiseLearnerResult(errors, metadata) if wrapped else errors
    result = answered(sent(backend, pec(model), precision=0.05), context)
    scaling = np.exp(4 * 4 * 0.03)
    number = int(np.ceil(np.ceil(400 / 64) * scaling))
    assert result[0].metadata["resilience"]["pec"]["num_randomizations_scaling"] == pytest.approx(scaling)
    assert result[0].metadata["resilience"]["layer_noise"] == {
        "noise_overhead": pytest.approx(scaling),
        "total_mitigated_layers": 4,
        "unique_mitigated_layers": 1,
        "unique_mitigated_layers_noise_overhead": [pytest.approx(np.exp(4 * 0.03))],
    }
    assert result[0].metadata["num_randomizations"] == number
    assert result[0].metadata["shots"] == 64 * number
    assert any(f"{number} rows x 64 shots" in line for line in lines)
    assert set(result[0].data) == {"evs", "stds", "ensemble_standard_error"}
    assert result.metadata["resilience"]["pec_mitigation"] is True
    assert result.metadata["twirling"]["enable_gates"] is True
    (told,) = result.metadata["resilience"]["layer_noise_model"]
    assert told.qubits == [0, 1]
    # the letter of physical qubit 1 stood last in the model that was given, and stands first in the one that was used
    assert dict(zip(told.error.generators.to_labels(), told.error.rates, strict=True)) == {"ZI": 0.01, "XX": 0.02}


def test_the_published_schema_of_results(backend: IBMBackend, context: Context) -> None:
    answer = json.loads(run("estimator", sent(backend, pec([error([0, 1], {"ZZ": 0.01})])), context))
    answer["__value__"]["pub_results"][0]["__value__"]["data"]["__value__"]["field_types"] = []
    PrimitiveResultWrapperModel.model_validate(answer)


@pytest.mark.parametrize(
    ("options", "scaling"),
    [
        ({"max_overhead": None}, np.exp(16 * 0.2)),
        ({"max_overhead": 10.0}, 10.0),
        ({"noise_gain": 0.0}, np.exp(16 * 0.2)),
        ({"noise_gain": 0.5}, np.exp(16 * 0.1)),
        ({"noise_gain": 1.0}, 1.0),
        ({"noise_gain": 2.0}, 1.0),
        ({"noise_gain": 0.0, "max_overhead": 3.0}, 3.0),
    ],
)
def test_overhead_and_gain(options: dict[str, Any], scaling: float, backend: IBMBackend, context: Context) -> None:
    result = answered(sent(backend, pec([error([0, 1], {"ZZ": 0.2})], **options), precision=0.2), context)
    found = result[0].metadata
    assert found["resilience"]["pec"]["num_randomizations_scaling"] == pytest.approx(scaling)
    assert found["num_randomizations"] == int(np.ceil(scaling - 1e-9))


def test_amplification_with_given_noise(backend: IBMBackend, context: Context) -> None:
    zne = {"amplifier": "pea", "noise_factors": [1, 1.5, 2], "extrapolator": ["linear", "fallback"]}
    model = [error([0, 1], {"ZZ": 0.02})]
    options = {"resilience": {"zne_mitigation": True, "zne": zne, "layer_noise_model": model}}
    lines = logged(context)
    result = answered(sent(backend, options), context)
    assert result[0].data.evs_noise_factors.shape == (3,)
    assert result[0].data.evs_extrapolated.shape == (2, 4)
    assert result[0].metadata["resilience"]["zne"]["extrapolator"] in ("linear", "fallback")
    assert result[0].metadata["resilience"]["layer_noise"]["total_mitigated_layers"] == 4
    assert result[0].metadata["num_randomizations"] == 2
    assert any("6 rows x 64 shots" in line for line in lines)
    assert result.metadata["resilience"]["zne"]["extrapolated_noise_factors"] == [0, 1, 1.5, 2]


LEARNING = {"num_randomizations": 3, "shots_per_randomization": 5, "layer_pair_depths": [0, 1]}


def learn(most: int | None, **more: Any) -> dict[str, Any]:
    return {"resilience": {"pec_mitigation": True, "layer_noise_learning": LEARNING | {"max_layers_to_learn": most} | more}}


def dry(context: Context) -> Context:
    """The loopback's bits are random: nothing can be learned from them, but everything is played."""
    return replace(context, device=replace(context.device, dry_run=True))


def test_noise_that_cannot_be_seen_is_an_error(backend: IBMBackend, context: Context) -> None:
    with pytest.raises(OperatorError, match="above the noise"):
        run("estimator", sent(backend, learn(4)), context)


def test_layers_are_learned_when_no_noise_is_given(backend: IBMBackend, context: Context) -> None:
    context = dry(context)
    lines = logged(context)
    result = answered(sent(backend, learn(4)), context)
    # one circuit per depth, nine bases in it
    assert [line for line in lines if f"{3 * 9} rows x 5 shots" in line]
    noise = result[0].metadata["resilience"]["layer_noise"]
    assert noise["total_mitigated_layers"] == 4
    assert noise["noise_overhead"] >= 1
    (told,) = result.metadata["resilience"]["layer_noise_model"]
    assert told.circuit.count_ops() == {"cz": 1}


def two_layers() -> QuantumCircuit:
    made = circuit(2)
    made.cz(3, 4)
    return made


@pytest.mark.parametrize(("most", "learned"), [(None, 2), (1, 1), (0, 0)])
def test_only_the_heaviest_layers_are_learned(most: int | None, learned: int, backend: IBMBackend, context: Context) -> None:
    context = dry(context)
    lines = logged(context)
    result = answered(sent(backend, learn(most) | {"twirling": {"strategy": "active"}}, circuit=two_layers()), context)
    noise = result[0].metadata["resilience"]["layer_noise"]
    assert noise["unique_mitigated_layers"] == learned
    # the layer that occurs twice comes first
    assert noise["total_mitigated_layers"] == [0, 2, 3][learned]
    assert len([line for line in lines if "is not mitigated: max_layers_to_learn" in line]) == 2 - learned


def test_a_layer_that_the_model_leaves_out_is_not_mitigated(backend: IBMBackend, context: Context) -> None:
    lines = logged(context)
    model = [error([3, 4], {"ZZ": 0.1}), LayerError(circuit(1).copy_empty_like(), [0, 1, 2, 3, 4], None)]
    result = answered(sent(backend, pec(model)), context)
    assert result[0].metadata["resilience"]["layer_noise"]["total_mitigated_layers"] == 0
    assert result[0].metadata["resilience"]["layer_noise"]["noise_overhead"] == 1.0
    assert any("cz (0, 1) on qubits (0, 1) is not mitigated: the model given" in line for line in lines)


def terms(noise: PauliLindbladMap) -> dict[str, float]:
    labels = noise.generators().to_pauli_list().to_labels()
    return dict(zip(labels, noise.rates, strict=True))


def test_a_layer_learned_with_more_qubits_is_traced_down() -> None:
    # on qubits 2, 1, 0 with the CZ on 1 and 0; a label reads from the last of them to the first
    wide = error([2, 1, 0], {"XZY": 0.1, "IIZ": 0.2, "YII": 0.3}, gate=(1, 2))
    found = match([wide], [PAIR])
    assert terms(found[PAIR]) == {"ZX": 0.1, "IY": 0.3}


def test_a_layer_learned_with_fewer_qubits_leaves_the_others_without_noise() -> None:
    wide = GateLayer(PAIR.gates, (0, 1, 3))
    assert terms(match([error([0, 1], {"XZ": 0.1})], [wide])[wide]) == {"IXZ": 0.1}


def test_the_model_on_the_same_qubits_is_taken() -> None:
    errors = [error([0, 1, 2], {"IZZ": 0.1}), error([1, 0], {"ZZ": 0.2}), error([0, 1, 2, 3], {"IIZZ": 0.3})]
    assert terms(match(errors, [PAIR])[PAIR]) == {"ZZ": 0.2}


def test_layers_of_two_circuits_on_different_registers_are_the_same(backend: IBMBackend, device: DeviceView) -> None:
    from qiskit.circuit import QuantumRegister

    other = QuantumCircuit(QuantumRegister(5, "other"))
    other.cz(0, 1)
    text = sent(backend, pec([error([0, 1], {"ZZ": 0.1})]))
    request = read_request(read_typed(text), device.capabilities)
    layers = find_layers([request.pubs[0].circuit, other], lambda made: made)
    assert layers.names == [[], []]
    found = layers_of(request)
    assert set(found.layers.values()) == {PAIR}
    assert found.by_weight() == [PAIR]


@pytest.mark.parametrize(
    ("extrapolator", "factors"),
    [(name, 2) for name in ("linear", "exponential", "fallback", "polynomial_degree_1")]
    + [(f"polynomial_degree_{degree}", degree + 1) for degree in range(2, 8)]
    + [("double_exponential", 4), (["double_exponential", "polynomial_degree_2", "fallback"], 4)],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_every_extrapolator(extrapolator: Any, factors: int, backend: IBMBackend, context: Context) -> None:
    zne = {"noise_factors": list(range(1, 2 * factors, 2)), "extrapolator": extrapolator, "extrapolated_noise_factors": [0, 0.5]}
    result = answered(sent(backend, {"resilience": {"zne_mitigation": True, "zne": zne}}, precision=0.2), context)
    names = [extrapolator] if isinstance(extrapolator, str) else extrapolator
    assert result[0].data.evs_extrapolated.shape == (len(names), 2)
    assert result[0].metadata["resilience"]["zne"]["extrapolator"] in names
    assert result.metadata["resilience"]["zne"]["extrapolator"] == extrapolator


def test_which_gates_are_folded_follows_the_seed(backend: IBMBackend, again: Callable[[], Context]) -> None:
    zne = {"noise_factors": [1, 1.5, 2.5], "extrapolator": "linear"}
    options = {"resilience": {"zne_mitigation": True, "zne": zne}, "experimental": {"execution": {"scheduler_timing": True}}}
    found = [
        answered(sent(backend, options | {"seed_estimator": seed}, circuit=two_layers()), again())[0] for seed in (1, 1, 2, 3, 4)
    ]
    assert found[0].data.evs == found[1].data.evs
    timings = [json.dumps([made["scheduler_timing"] for made in result.metadata["compilation"]]) for result in found]
    assert timings[0] == timings[1]
    assert len(set(timings)) > 1


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        (pec([error([0, 1], {"ZZ": -0.1})]), BadRequest, "rates"),
        (pec([error([0, 0], {"ZZ": 0.1})]), BadRequest, "different qubits"),
        (pec([error([0, 1], {"ZZ": 50.0})], max_overhead=None), TooLarge, "randomizations"),
        (learn(4, layer_pair_depths=[1]), BadRequest, "depths"),
        (learn(4, shots_per_randomization=10**9), TooLarge, "shots"),
        ({"twirling": {"enable_measure": False}} | pec([]), UnsupportedOption, "enable_measure"),
        ({"twirling": {"enable_gates": False}} | pec([]), UnsupportedOption, "enable_gates"),
    ],
)
def test_what_cannot_be_mitigated(
    options: Any, kind: type[Exception], says: str, backend: IBMBackend, device: DeviceView
) -> None:
    with pytest.raises(kind, match=says):
        check("estimator", sent(backend, options), device)


def test_level_two_and_cancellation_exclude_each_other(backend: IBMBackend, device: DeviceView) -> None:
    text = sent(backend, {"resilience_level": 2} | pec([]))
    with pytest.raises(UnsupportedOption, match="zne_mitigation to False"):
        check("estimator", text, device)
