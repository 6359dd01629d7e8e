"""The older ``noise-learner``: circuits in, the noise of their layers out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from qiskit.quantum_info import PauliList
from qiskit_ibm_runtime.json import RuntimeEncoder
from qiskit_ibm_runtime.results import LayerError
from qiskit_ibm_runtime.results.noise_learner import PauliLindbladError

from qpu_bridge.programs.admission import admit_circuits
from qpu_bridge.programs.circuit_layers import CircuitLayers
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.layers import LayerNoise, admit_learning, learn_layers
from qpu_bridge.programs.noise_learner.legacy_request import LegacyRequest, read_request
from qpu_bridge.programs.provenance import provenance
from qpu_bridge.programs.typed_json import read_typed


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(read_typed(params_json), device.capabilities)
    admit_circuits(request.circuits, device)
    layers = request.layers()
    wanted = layers.by_weight()[: request.most]
    boxes = [layers.to_learn(layer, len(device.snapshot.qubits)) for layer in wanted]
    return admit_learning(boxes, request.learn_options(None), device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    request = read_request(read_typed(params_json, context.go_on), context.device.capabilities)
    admit_circuits(request.circuits, context.device)
    layers = request.layers()
    seed = _seed(request, context)
    boxes = [layers.to_learn(layer, len(context.device.snapshot.qubits)) for layer in layers.by_weight()[: request.most]]
    learned = learn_layers(boxes, request.learn_options(seed), context)
    metadata = {
        "backend": context.device.name,
        "input_options": request.input_options,
        "qpu_bridge": provenance(context, seed),
    }
    return json.dumps({"data": _errors(layers, learned), "metadata": metadata}, cls=RuntimeEncoder)


def _seed(request: LegacyRequest, context: Context) -> int:
    for seed in (request.options.experimental.seed, request.options.at("simulator.seed_simulator")):
        if seed is not None:
            return int(seed)
    return context.seed


def _errors(layers: CircuitLayers, learned: Sequence[LayerNoise]) -> list[LayerError]:
    """One per layer, those first that were learned; the others come without noise."""
    errors = []
    for index, layer in enumerate(layers.by_weight()):
        error = None
        if index < len(learned):
            noise = learned[index]
            error = PauliLindbladError(PauliList(noise.generators.to_pauli_list()), noise.rates)
        errors.append(LayerError(layers.bodies[layer], list(layer.qubits), error))
    return errors
