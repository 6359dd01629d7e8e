"""The newer noise learner, with requests that the real client made and answers that it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ibm_quantum_schemas.noise_learner_v3 import version_0_1, version_0_2, version_0_3
from pydantic import BaseModel
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit_ibm_runtime import IBMBackend, NoiseLearnerV3
from qiskit_ibm_runtime.executor_noise_learner import NoiseLearnerV3 as ThroughExecutor
from qiskit_ibm_runtime.noise_learner_v3.params_converters import NOISE_LEARNER_V3_PARAMS_CONVERTERS
from qiskit_ibm_runtime.options_models import NoiseLearnerV3Options
from samplomatic import InjectNoise, Tag, Twirl

from qpu_bridge.errors import BadRequest, NotNative, TooLarge, UnsupportedOption
from qpu_bridge.programs import check, run
from qpu_bridge.programs.noise_learner.options import V3
from tests.programs.client import backend as seen_by_client
from tests.programs.client import decode
from tests.programs.test_layers import box
from tests.proofs.stand import Stand, stand

SHORT = {"num_randomizations": 4, "shots_per_randomization": 64, "layer_pair_depths": [0, 2, 8]}


@pytest.fixture(scope="module")
def device() -> Iterator[Stand]:
    with stand() as made:
        yield made


@pytest.fixture(scope="module")
def backend(device: Stand) -> IBMBackend:
    view = device.context.device
    return seen_by_client(view.snapshot, view.capabilities, fractional=True)


def sent(backend: IBMBackend, layers: Sequence[CircuitInstruction], **options: Any) -> dict[str, Any]:
    """What the client sends, as plain JSON."""
    learner = NoiseLearnerV3(backend, options=SHORT | options)
    return dict(json.loads(learner.run(list(layers)).params_json))


def answered(params: dict[str, Any], device: Stand) -> Any:
    text = json.dumps(params)
    check("noise-learner", text, device.context.device)
    answer = run("noise-learner", text, device.context)
    models = {"v0.1": version_0_1, "v0.2": version_0_2, "v0.3": version_0_3}
    models[params["schema_version"]].NoiseLearnerV3ResultsModel.model_validate_json(answer)
    return decode("noise-learner", answer)


def annotated(
    qubits: Sequence[int], pairs: Sequence[tuple[int, int]], *annotations: Any, prepared: bool = False
) -> CircuitInstruction:
    circuit = QuantumCircuit(5)
    with circuit.box([Twirl(), *annotations]):
        if prepared:
            circuit.rz(0.3, qubits[0])
            circuit.sx(qubits[0])
        for pair in pairs:
            circuit.cz(*pair)
        circuit.noop(*qubits)
    return circuit.data[0]


def test_gates_and_measurements_in_one_job(device: Stand, backend: IBMBackend) -> None:
    layers = [
        annotated([3, 2, 4], [(2, 3)], InjectNoise("a"), Tag("t")),
        box([4, 1], measured=True),
        annotated([1], [], InjectNoise("b")),
    ]
    found = answered(sent(backend, layers), device)
    maps = found.to_pauli_lindblad_maps()
    assert [one.num_qubits for one in maps] == [3, 2, 1]
    assert [len(one) for one in found] == [9 + 18, 2, 3]
    assert [one.metadata["learning_protocol"] for one in found] == ["lindblad", "trex", "lindblad"]
    assert found[0].metadata["post_selection"]["fraction_kept"] == {0: 1.0, 2: 1.0, 8: 1.0}
    assert found[0].metadata["post_selection"]["success_rates"][8] == {2: 1.0, 3: 1.0, 4: 1.0}
    assert found[1].metadata["post_selection"] == {"fraction_kept": 1.0, "success_rates": {1: 1.0, 4: 1.0}}
    # a pair of gates with T1 and T2 of 100 us: some 1e-4 per Pauli; readout errors near 1 %
    assert 5e-4 < maps[0].rates.sum() < 5e-3
    assert all(0.002 < rate < 0.03 for rate in maps[1].rates)
    assert all((one._rates_std > 0).all() for one in found)


@pytest.mark.parametrize("version", ["v0.1", "v0.2", "v0.3"])
def test_every_version_is_answered_in_its_own(version: str, device: Stand, backend: IBMBackend) -> None:
    options = NoiseLearnerV3Options(**SHORT)
    converter = NOISE_LEARNER_V3_PARAMS_CONVERTERS[version]
    params = converter.encoder([box([0], []), box([1], measured=True)], options).model_dump(mode="json")
    assert params["schema_version"] == version
    found = answered(params, device)
    assert len(found) == 2
    assert ("success_rates" in found[0].metadata["post_selection"]) == (version != "v0.1")


def test_the_order_of_qubits_in_a_box_does_not_matter(device: Stand, backend: IBMBackend) -> None:
    """Only the machine's order counts; readout errors of the qubits differ enough to tell."""
    settings = {"experimental": {"seed": 5}}
    turned = [box(order, measured=True) for order in ([0, 3, 4], [4, 0, 3])]
    first, second = (answered(_with(sent(backend, [layer]), settings), device) for layer in turned)
    np.testing.assert_allclose(first[0]._rates, second[0]._rates, atol=4 * (first[0]._rates_std + second[0]._rates_std).max())
    assert [str(g.to_sparse_list()) for g in first[0]._generators] == [str(g.to_sparse_list()) for g in second[0]._generators]


def _with(params: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return params | {"options": params["options"] | options}


def test_same_seed_same_rates(device: Stand, backend: IBMBackend) -> None:
    params = _with(sent(backend, [box([0, 1], [(0, 1)])]), {"experimental": {"seed": 9, "noise": {"readout": 0}}})
    first, second = (answered(params, device)[0]._rates for _ in range(2))
    np.testing.assert_array_equal(first, second)


CHECK = {"enable": True, "x_pulse_type": "rx"}


@pytest.mark.parametrize("strategy", ["node", "edge"])
def test_checks_before_and_after(strategy: str, device: Stand, backend: IBMBackend) -> None:
    flips = {"pre_circuit": CHECK | {"strategy": strategy}, "post_circuit": CHECK | {"strategy": strategy}}
    found = answered(sent(backend, [box([0, 1], [(0, 1)]), box([3], measured=True)], bit_flip_checks=flips), device)
    lindblad, trex = (one.metadata["post_selection"] for one in found)
    # readout errors of 1 % make each check of a qubit fail now and then; two neighbours at once hardly ever do
    kept = np.array([*lindblad["fraction_kept"].values(), trex["fraction_kept"]])
    assert ((kept > 0.8) & (kept < 0.97)).all() if strategy == "node" else (kept > 0.98).all()
    # spectators are checked too
    assert set(lindblad["success_rates"][2]) == {0, 1, 2}
    assert set(trex["success_rates"]) == {2, 3, 4}
    assert all(0.9 < rate < 1 for rate in trex["success_rates"].values())


def test_checks_keep_shots_that_were_not_heated(device: Stand, backend: IBMBackend) -> None:
    """Without readout errors, thermal population is what a check before the circuit finds."""
    hot = {"experimental": {"noise": {"readout": 0, "thermal": 20, "low_frequency": 0}, "seed": 1}}
    plain, checked = (
        answered(_with(sent(backend, [box([2], measured=True)], shots_per_randomization=2000, **flips), hot), device)[0]
        for flips in ({}, {"bit_flip_checks": {"pre_circuit": CHECK}})
    )
    assert checked.metadata["post_selection"]["fraction_kept"] < 0.9
    assert checked._rates[0] < plain._rates[0] / 3


def test_post_selection_is_the_older_name_of_the_check_after(device: Stand, backend: IBMBackend) -> None:
    params = _with(sent(backend, [box([1], measured=True)]), {"post_selection": CHECK | {"strategy": "node"}})
    found = answered(params, device)[0]
    assert 0.8 < found.metadata["post_selection"]["fraction_kept"] < 1
    both = {"bit_flip_checks": {"post_circuit": CHECK | {"strategy": "edge"}}}
    with pytest.raises(BadRequest, match="mean the same"):
        check("noise-learner", json.dumps(_with(params, both)), device.context.device)


def test_rep_delay_and_init_qubits_reach_the_device(device: Stand, backend: IBMBackend) -> None:
    """A short wait needs resets; without them the last shot's flips stay."""
    layer = box([0], measured=True)
    found = {}
    for init in (True, False):
        params = sent(backend, [layer], execution={"rep_delay": 2e-6, "init_qubits": init}, shots_per_randomization=500)
        found[init] = answered(params, device)[0]._rates[0]
    assert found[False] > 3 * found[True]
    with pytest.raises(BadRequest, match="rep_delay"):
        check("noise-learner", json.dumps(sent(backend, [layer], execution={"rep_delay": 1.0})), device.context.device)


def test_the_clients_own_learner_through_the_executor(device: Stand, backend: IBMBackend) -> None:
    learner = ThroughExecutor(backend, options=SHORT)
    request = learner.run([box([0, 1], [(0, 1)])])
    check(request.program_id, request.params_json, device.context.device)
    found = decode(request.program_id, run(request.program_id, request.params_json, device.context))
    assert len(found[0]) == 15


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"schema_version": "v0.9"}, BadRequest, "schema_version"),
        ({"version": 2}, BadRequest, "version must be 3"),
        ({"more": 1}, UnsupportedOption, "more"),
        ({"instructions": {"circuit_b64": "AAAA", "qpy_version": 17}}, BadRequest, "QPY"),
        ({"instructions": 3}, BadRequest, "schema"),
        ({"options": 3}, BadRequest, "options"),
        ({"options": {"colour": 1}}, UnsupportedOption, "colour"),
        ({"options": {"num_randomizations": 0}}, BadRequest, "num_randomizations"),
        ({"options": {"shots_per_randomization": 0}}, BadRequest, "shots_per_randomization"),
        ({"options": {"shots_per_randomization": 10**9}}, TooLarge, "shots"),
        ({"options": {"layer_pair_depths": [-1, 2]}}, BadRequest, "layer_pair_depths"),
        ({"options": {"layer_pair_depths": [4, 4]}}, BadRequest, "two different depths"),
        ({"options": {"layer_pair_depths": [0, 10**6]}}, TooLarge, "1024 times"),
        ({"options": {"bit_flip_checks": {"pre_circuit": {"enable": True}}}}, UnsupportedOption, "xslow"),
        ({"options": {"post_selection": {"enable": True}}}, UnsupportedOption, "xslow"),
        ({"options": {"bit_flip_checks": {"mid_circuit": {}}}}, UnsupportedOption, "mid_circuit"),
        ({"options": {"experimental": {"colour": 1}}}, UnsupportedOption, "colour"),
    ],
)
def test_what_is_refused(change: dict[str, Any], error: type[Exception], words: str, device: Stand, backend: IBMBackend) -> None:
    params = sent(backend, [box([0, 1], [(0, 1)])]) | change
    with pytest.raises(error, match=words):
        check("noise-learner", json.dumps(params), device.context.device)


def test_options_that_a_version_does_not_have_are_refused(device: Stand, backend: IBMBackend) -> None:
    options = NoiseLearnerV3Options(**SHORT)
    params = NOISE_LEARNER_V3_PARAMS_CONVERTERS["v0.1"].encoder([box([0])], options).model_dump(mode="json")
    with pytest.raises(UnsupportedOption, match="rep_delay"):
        check("noise-learner", json.dumps(_with(params, {"rep_delay": 1e-3})), device.context.device)


def test_a_dry_run_has_numbers_of_the_right_shape(device: Stand, backend: IBMBackend) -> None:
    text = json.dumps(sent(backend, [box([0, 1], [(0, 1)])]))
    view = replace(device.context.device, dry_run=True)
    noise = {"experimental": {"noise": {"readout": 100}}}
    text = json.dumps(_with(json.loads(text), noise))
    found = decode("noise-learner", run("noise-learner", text, replace(device.context, device=view)))
    assert len(found[0]) == 15


def test_layers_that_cannot_be_learned(device: Stand) -> None:
    """The client checks most of this itself; requests that are made by hand may not have been."""
    bare = QuantumCircuit(5)
    with bare.box():
        bare.cz(0, 1)
    phases = QuantumCircuit(5)
    with phases.box([Twirl(group="phase")]):
        phases.cz(0, 1)
    slow = QuantumCircuit(5)
    with slow.box([Twirl()], duration=1000):
        slow.cz(0, 1)
    far = QuantumCircuit(5)
    with far.box([Twirl()]):
        far.cz(0, 4)
    turn = QuantumCircuit(5)
    with turn.box([Twirl()]):
        turn.rzz(0.3, 0, 1)
    twice = QuantumCircuit(5)
    with twice.box([Twirl()]):
        twice.cz(0, 1)
        twice.cz(1, 2)
    after = QuantumCircuit(5)
    with after.box([Twirl()]):
        after.cz(0, 1)
        after.sx(0)
    mixed = QuantumCircuit(5, 1)
    with mixed.box([Twirl()]):
        mixed.cz(0, 1)
        mixed.measure(2, 0)
    options = NoiseLearnerV3Options(**SHORT)
    encode = NOISE_LEARNER_V3_PARAMS_CONVERTERS["v0.3"].encoder
    for circuit, error, words in (
        (bare, BadRequest, "Twirl"),
        (phases, BadRequest, "holds the Paulis"),
        (slow, BadRequest, "duration"),
        (far, NotNative, "cz on"),
        (turn, BadRequest, "Clifford"),
        (twice, BadRequest, "one gate per qubit"),
        (after, BadRequest, "one gate per qubit"),
        (mixed, BadRequest, "measure"),
    ):
        params = encode([circuit.data[0]], options).model_dump(mode="json")
        with pytest.raises(error, match=words):
            check("noise-learner", json.dumps(params), device.context.device)


def test_a_box_may_be_dressed_on_either_side(device: Stand, backend: IBMBackend) -> None:
    right = QuantumCircuit(5)
    with right.box([Twirl(dressing="right")]):
        right.cz(0, 1)
        right.sx(0)
    layers = [right.data[0], annotated([0, 1], [(0, 1)], prepared=True)]
    options = NoiseLearnerV3Options(**SHORT)
    params = NOISE_LEARNER_V3_PARAMS_CONVERTERS["v0.3"].encoder(layers, options).model_dump(mode="json")
    assert [len(one) for one in answered(params, device)] == [15, 15]


def leaves(model: Any, prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_option_of_every_version_is_in_the_table() -> None:
    models = (version_0_1, version_0_2, version_0_3)
    published = {path for module in models for path in leaves(module.models.OptionsModel)}
    assert set(V3) == published | {"experimental"}


def test_what_the_client_does_not_send() -> None:
    """These options of the client never reach a server, so nobody may think that they do anything here."""
    sent = set(leaves(version_0_3.models.OptionsModel)) | {"execution.init_qubits", "execution.rep_delay"}
    kept = {path for path in leaves(NoiseLearnerV3Options) if path not in sent}
    assert {path.split(".")[0] for path in kept} == {
        "simulator",
        "experimental",
        "environment",
        "max_execution_time",
        "execution",
    }
    assert {path for path in kept if path.startswith("execution")} <= {"execution.scheduler_timing", "execution.stretch_values"}
