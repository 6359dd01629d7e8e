"""Learning the noise of a job's layers before its circuits are played, where its caller gave none."""

from __future__ import annotations

from collections.abc import Sequence

from qiskit.quantum_info import PauliLindbladMap

from qpu_bridge.errors import OperatorError
from qpu_bridge.programs.circuit_layers import CircuitLayers, GateLayer
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.estimator_program import Mitigated, layers_of
from qpu_bridge.programs.estimator_request import EstimatorRequest
from qpu_bridge.programs.layer_noise import NoiseOf, match
from qpu_bridge.programs.layers import LearnOptions, admit_learning, learn_layers


def mitigation(request: EstimatorRequest, context: Context, seed: int) -> Mitigated:
    """What mitigation needs to know of a request's layers, as given by the caller or learned now.

    Raises:
        CallerError: If a layer's noise cannot be learned on this machine.
        OperatorError: If the device failed.
        Cancelled: If the job was cancelled.
    """
    if not request.needs_layer_noise:
        return Mitigated()
    layers = layers_of(request)
    known = layers.by_weight()
    if request.layer_errors is not None:
        noise: NoiseOf = match(request.layer_errors, known)
        _tell(known, noise, "the model given does not speak of it", context)
    else:
        wanted = known[: _most(request)]
        noise = dict(zip(wanted, _learned(request, layers, wanted, context, seed), strict=True))
        _tell(known, noise, "max_layers_to_learn leaves it out", context)
    return Mitigated(layers, noise)


def _learned(
    request: EstimatorRequest, layers: CircuitLayers, wanted: Sequence[GateLayer], context: Context, seed: int
) -> list[PauliLindbladMap]:
    boxes = [layers.to_learn(layer, len(context.device.snapshot.qubits)) for layer in wanted]
    try:
        return [found.to_map() for found in learn_layers(boxes, _how(request, seed), context)]
    except OperatorError:
        if not context.device.dry_run:
            raise
        # random bits do not decay
        return [PauliLindbladMap.identity(len(layer.qubits)) for layer in wanted]


def admit_mitigation(request: EstimatorRequest, device: DeviceView) -> tuple[Mitigated, float]:
    """Refuse, before anything is played, what could not be mitigated.

    Returns:
        What is known of the layers by then; how long learning the rest would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    if not request.needs_layer_noise:
        return Mitigated(), 0.0
    layers = layers_of(request)
    known = layers.by_weight()
    if request.layer_errors is not None:
        return Mitigated(layers, match(request.layer_errors, known)), 0.0
    boxes = [layers.to_learn(layer, len(device.snapshot.qubits)) for layer in known[: _most(request)]]
    return Mitigated(layers), admit_learning(boxes, _how(request, None), device)


def _most(request: EstimatorRequest) -> int | None:
    most = request.options.full["resilience"]["layer_noise_learning"]["max_layers_to_learn"]
    return None if most is None else int(most)


def _how(request: EstimatorRequest, seed: int | None) -> LearnOptions:
    """Layers are learned under the conditions under which they are played later."""
    learning = request.options.full["resilience"]["layer_noise_learning"]
    return LearnOptions(
        num_randomizations=learning["num_randomizations"],
        shots_per_randomization=learning["shots_per_randomization"],
        layer_pair_depths=tuple(learning["layer_pair_depths"]),
        execute=request.options.execute_options(seed),
    )


def _tell(known: Sequence[GateLayer], noise: NoiseOf, why: str, context: Context) -> None:
    for layer in known:
        if layer not in noise:
            gates = ", ".join(f"{name} {qubits}" for name, _, qubits in sorted(layer.gates))
            context.log(f"the noise of the layer {gates} on qubits {layer.qubits} is not mitigated: {why}")
