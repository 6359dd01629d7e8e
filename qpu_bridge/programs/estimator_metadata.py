"""Metadata of an estimator's results, in the form that was published for the older program."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit_ibm_runtime.results import LayerError
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from qpu_bridge.programs.estimator_program import Mitigated, scaling_of
from qpu_bridge.programs.estimator_request import EstimatorRequest
from qpu_bridge.programs.layer_noise import describe


def of_pub(request: EstimatorRequest, index: int, played: int, mitigated: Mitigated, made: dict[str, Any]) -> dict[str, Any]:
    """Metadata of a pub.

    Args:
        request: The request.
        index: Which pub.
        played: In how many randomizations it was played.
        mitigated: The noise of its layers.
        made: Metadata that the client's post-processing made.
    """
    _, each = request.randomizations(request.shots[index])
    metadata: dict[str, Any] = {
        "circuit_metadata": request.pubs[index].circuit.metadata or {},
        "target_precision": request.precisions[index],
        "shots": played * each,
        "num_randomizations": played,
    }
    resilience: dict[str, Any] = {}
    zne = made.get("resilience", {}).get("zne")
    if zne is not None:
        resilience["zne"] = {"extrapolator": np.asarray(zne["extrapolators"]).tolist()}
    if mitigated.layers is not None:
        resilience["layer_noise"] = describe(mitigated.layers.names[index], mitigated.layers, mitigated.noise)
    if request.client_options.resilience.pec_mitigation:
        resilience["pec"] = {"num_randomizations_scaling": scaling_of(request, mitigated, index)}
    if resilience:
        metadata["resilience"] = resilience
    if any(made.get("compilation", ())):
        metadata["compilation"] = made["compilation"]
    return metadata


def of_result(request: EstimatorRequest, mitigated: Mitigated) -> dict[str, Any]:
    """Metadata of the whole result."""
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
            "extrapolated_noise_factors": [0.0, *zne.noise_factors] if points == "auto" else list(points),
        }
    if mitigated.layers is not None:
        resilience["layer_noise_model"] = _layer_errors(mitigated)
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


def _layer_errors(mitigated: Mitigated) -> list[LayerError]:
    """The noise that was mitigated, so that it can be given to the next job; nothing for layers of which none is known."""
    assert mitigated.layers is not None
    found = []
    for layer in mitigated.layers.by_weight():
        noise = mitigated.noise.get(layer)
        error = None
        if noise is not None and len(noise.rates):
            error = PauliLindbladError(noise.generators().to_pauli_list(), noise.rates)
        found.append(LayerError(mitigated.layers.bodies[layer], list(layer.qubits), error))
    return found
