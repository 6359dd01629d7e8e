"""The newer ``noise-learner``: annotated boxes in, generators and rates out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ibm_quantum_schemas.common import F64TensorModel
from ibm_quantum_schemas.noise_learner_v3 import version_0_1, version_0_2, version_0_3

from qpu_bridge.programs.context import Context
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.programs.layers import LayerNoise, admit_learning, learn_layers
from qpu_bridge.programs.layers.layer import Protocol
from qpu_bridge.programs.noise_learner.v3_request import read_request
from qpu_bridge.programs.payload import parse

_RESULTS = {
    "v0.1": version_0_1.NoiseLearnerV3ResultsModel,
    "v0.2": version_0_2.NoiseLearnerV3ResultsModel,
    "v0.3": version_0_3.NoiseLearnerV3ResultsModel,
}


def check(params_json: str, device: DeviceView) -> float:
    """Refuse, at submission, what could not run; say how long it would keep the device, s.

    Raises:
        CallerError: With the reason.
    """
    request = read_request(parse(params_json), device.capabilities)
    return admit_learning(request.layers, request.options, device)


def run(params_json: str, context: Context) -> str:
    """Run a job, and give the text of its result."""
    request = read_request(parse(params_json), context.device.capabilities)
    context.go_on()
    return answer(request.version, learn_layers(request.layers, request.options, context))


def answer(version: str, learned: Sequence[LayerNoise]) -> str:
    """The text of the result."""
    data = [
        {
            "generators_sparse": [[(paulis, list(qubits))] for paulis, qubits in noise.generators.to_sparse_list()],
            "num_qubits": noise.generators.num_qubits,
            "rates": F64TensorModel.from_numpy(noise.rates),
            "rates_std": F64TensorModel.from_numpy(noise.rates_std),
            "metadata": {"learning_protocol": noise.protocol.value, "post_selection": _selection(noise, version)},
        }
        for noise in learned
    ]
    return str(_RESULTS[version](schema_version=version, data=data).model_dump_json())


def _selection(noise: LayerNoise, version: str) -> dict[str, Any]:
    selection: dict[str, Any] = {"fraction_kept": noise.fraction_kept}
    if version != "v0.1":
        selection["success_rates"] = noise.success_rates
    if noise.protocol is Protocol.TREX:
        return {name: next(iter(value.values())) for name, value in selection.items()}
    return selection
