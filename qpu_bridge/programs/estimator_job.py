"""The older program ``estimator``: the client's own preparation, `execute`, and the client's own post-processing."""

from __future__ import annotations

from collections import defaultdict
from math import prod
from typing import Any

import numpy as np
from qiskit.primitives.containers import PrimitiveResult, PubResult
from qiskit_ibm_runtime.decoders.executor_estimator.post_processor_v0_1 import estimator_v2_post_processor_v0_1
from qiskit_ibm_runtime.executor_estimator.prepare import prepare
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.errors import BadRequest, BridgeError
from qpu_bridge.programs.admission import admit_angles, admit_circuits, admit_level, admit_options, admit_rows, admit_shots
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.estimator_request import EstimatorRequest, read_request
from qpu_bridge.programs.executor import execute
from qpu_bridge.programs.foreign_text import said
from qpu_bridge.programs.legacy_answer import answer
from qpu_bridge.programs.provenance import provenance
from qpu_bridge.programs.randomization import randomizations
from qpu_bridge.programs.result_size import Returned, admit_results
from qpu_bridge.programs.typed_json import read_typed
from qpu_bridge.telemetry import Stage, stage


def check(params_json: str, device: DeviceView) -> None:
    """Refuse, at submission, what could not run.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(read_typed(params_json), device.capabilities)
    admit_circuits((pub.circuit for pub in request.pubs), device)
    _admit(request, device)
    admit_angles(((pub.circuit, pub.parameter_values.as_array(pub.circuit.parameters)) for pub in request.pubs), device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    with stage(Stage.PARSE):
        request = read_request(read_typed(params_json, context.go_on), context.device.capabilities, context.go_on)
    context.go_on()
    _admit(request, context.device)
    seed = _seed(request, context)
    by_shots: dict[int, list[int]] = defaultdict(list)
    for index, shots in enumerate(request.shots):
        by_shots[shots].append(index)
    answered: dict[int, PubResult] = {}
    for number, (shots, group) in enumerate(by_shots.items()):
        context.go_on()
        program = _program(request, group, shots)
        options = request.options.execute_options(seed + number, _calibration_shots(request, program))
        post_processed = estimator_v2_post_processor_v0_1(execute(program, options, context))
        for index, result in zip(group, post_processed, strict=True):
            answered[index] = PubResult(result.data, _pub_metadata(request, index, result.metadata))
    metadata = _metadata(request) | {"qpu_bridge": provenance(context, seed)}
    return answer(PrimitiveResult([answered[index] for index in range(len(request.pubs))], metadata))


def _admit(request: EstimatorRequest, device: DeviceView) -> None:
    admit_level("classified", device)
    circuits = [pub.circuit for pub in request.pubs]
    resilience = request.client_options.resilience
    folds = len(resilience.zne.noise_factors) if resilience.zne_mitigation else 1
    items: list[Returned] = []
    for pub, shots in zip(request.pubs, request.shots, strict=True):
        number, each = randomizations(request.client_options.twirling, shots)
        admit_shots(each, device)
        admit_rows(number * prod(pub.shape))
        # at least: observables that need several bases, and the learning of readout errors, are counted before they are played
        items.append(Returned(1, number * prod(pub.shape) * folds, each, 1))
    admit_results(items, "classified", device)
    admit_options(request.options.execute_options(None), circuits, device)


def _seed(request: EstimatorRequest, context: Context) -> int:
    options = request.options
    for seed in (options.at("seed_estimator"), options.experimental.seed, options.at("simulator.seed_simulator")):
        if seed is not None:
            return int(seed)
    return context.seed


def _program(request: EstimatorRequest, group: list[int], shots: int) -> QuantumProgram:
    options = request.client_options.model_copy(update={"default_shots": shots})
    try:
        program, _ = prepare([request.pubs[index] for index in group], options)
    except BridgeError:
        raise
    except Exception as error:  # the client's code raises many kinds for input it does not like
        raise BadRequest(
            "the pubs must be such that the client's own code can prepare them", given=said(error).rstrip(".")
        ) from error
    return program


def _calibration_shots(request: EstimatorRequest, program: QuantumProgram) -> dict[int, int]:
    """Shots of the circuit that learns readout errors, which the client's preparation puts last."""
    shots = request.options.full["resilience"]["measure_noise_learning"]["shots_per_randomization"]
    if shots == "auto" or not request.client_options.resilience.measure_mitigation:
        return {}
    return {len(program.items) - 1: int(shots)}


def _pub_metadata(request: EstimatorRequest, index: int, made: dict[str, Any]) -> dict[str, Any]:
    """Metadata of a pub in the older form."""
    number, each = randomizations(request.client_options.twirling, request.shots[index])
    metadata: dict[str, Any] = {
        "circuit_metadata": request.pubs[index].circuit.metadata or {},
        "target_precision": request.precisions[index],
        "shots": number * each,
        "num_randomizations": number,
    }
    zne = made.get("resilience", {}).get("zne")
    if zne is not None:
        metadata["resilience"] = {"zne": {"extrapolator": np.asarray(zne["extrapolators"]).tolist()}}
    if any(made.get("compilation", ())):
        metadata["compilation"] = made["compilation"]
    return metadata


def _metadata(request: EstimatorRequest) -> dict[str, Any]:
    """Metadata of the whole result in the older form."""
    options, decoupling = request.client_options, request.options.full["dynamical_decoupling"]
    resilience: dict[str, Any] = {
        "measure_mitigation": options.resilience.measure_mitigation,
        "zne_mitigation": options.resilience.zne_mitigation,
        "pec_mitigation": options.resilience.pec_mitigation,
    }
    if options.resilience.zne_mitigation:
        zne = options.resilience.zne
        points = zne.extrapolated_noise_factors
        resilience["zne"] = {
            "noise_factors": list(zne.noise_factors),
            "extrapolator": zne.extrapolator if isinstance(zne.extrapolator, str) else list(zne.extrapolator),
            "extrapolated_noise_factors": None if points == "auto" else list(points),
        }
    return {
        "version": 2,
        "dynamical_decoupling": {name: decoupling[name] for name in decoupling if name != "skip_reset_qubits"},
        "twirling": {
            "enable_gates": options.twirling.enable_gates,
            "enable_measure": options.twirling.enable_measure,
            "num_randomizations": options.twirling.num_randomizations,
            "shots_per_randomization": options.twirling.shots_per_randomization,
            "strategy": options.twirling.strategy,
            # a randomization sweeps all parameter values before the next one begins
            "interleave_randomizations": True,
        },
        "resilience": resilience,
    }
