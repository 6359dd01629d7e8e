"""The noise of a job's layers: as its caller gave it, or as it was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, inf, isfinite
from typing import Any

import numpy as np
from qiskit.quantum_info import PauliLindbladMap
from qiskit_ibm_runtime.results import LayerError, NoiseLearnerResult

from qpu_bridge.errors import BadRequest
from qpu_bridge.programs.circuit_layers import CircuitLayers, GateLayer, gates_of

NoiseOf = Mapping[GateLayer, PauliLindbladMap]
"""GateLayer -> its noise, qubit ``k`` of the map on the layer's ``k``-th qubit. A layer that is not there counts as noiseless."""

_WHERE = "options.resilience.layer_noise_model"


def read_model(value: Any) -> tuple[LayerError, ...] | None:
    """What a caller gave as ``layer_noise_model``: decoded, a `NoiseLearnerResult` or a list of `LayerError`; None if nothing.

    Raises:
        BadRequest: If it is something else, or no noise can be so.
    """
    if value is None:
        return None
    errors = value.data if isinstance(value, NoiseLearnerResult) else value
    if not isinstance(errors, Sequence) or not all(isinstance(error, LayerError) for error in errors):
        raise BadRequest("a layer noise model must be a NoiseLearnerResult or a list of LayerError", where=_WHERE)
    for index, error in enumerate(errors):
        where = f"{_WHERE}[{index}]"
        if len(set(error.qubits)) < len(error.qubits):
            raise BadRequest("a layer must name different qubits", given=str(error.qubits), where=where)
        if error.error is not None and not (np.isfinite(error.error.rates).all() and (error.error.rates >= 0).all()):
            raise BadRequest("the rates of a layer's noise must be finite and not negative", where=where)
    return tuple(errors)


def match(errors: Sequence[LayerError], layers: Sequence[GateLayer]) -> dict[GateLayer, PauliLindbladMap]:
    """Noise of those layers that the model speaks of.

    A layer is known by its gates. Its qubits may have been more when its noise was learned: what acts on the others is traced
    out, which for Pauli-Lindblad noise means to drop their letters. They may have been fewer: the others are taken for noiseless.
    """
    given: dict[frozenset[Any], list[LayerError]] = {}
    for error in errors:
        if error.error is not None:
            given.setdefault(gates_of(error.circuit, error.qubits), []).append(error)
    found = {}
    for layer in layers:
        candidates = given.get(layer.gates)
        if candidates:
            wanted = set(layer.qubits)
            best = min(candidates, key=lambda error: (len(wanted - set(error.qubits)), len(set(error.qubits) - wanted)))
            found[layer] = _restricted(best, layer.qubits)
    return found


def named(layers: CircuitLayers, noise: NoiseOf) -> list[tuple[Any, PauliLindbladMap]]:
    """The noise in the form that the client's preparation takes: a box that names it, and a map."""
    return [(box, _known(layers.layers[name], noise)) for name, box in layers.boxes.items()]


def total_rate(names: Sequence[str], layers: CircuitLayers, noise: NoiseOf) -> float:
    """Sum of all rates of a circuit's layers; names are those of its layers in the order in which they are played."""
    return sum(float(np.sum(noise[layer].rates)) for name in names if (layer := layers.layers[name]) in noise)


def overhead(rate: float) -> float:
    """Sampling overhead ``gamma**2 = exp(4 rate)`` of cancelling noise whose rates add up to ``rate``.

    Source: van den Berg et al., Nature Physics 19, 1116 (2023), equation 4.
    """
    return exp(4.0 * rate) if rate < 175 else inf


def describe(names: Sequence[str], layers: CircuitLayers, noise: NoiseOf) -> dict[str, Any]:
    """Metadata of a pub about the noise of its layers; layers without known noise are not mitigated."""
    mitigated = [layer for name in names if (layer := layers.layers[name]) in noise]
    unique = list(dict.fromkeys(mitigated))
    return {
        "noise_overhead": _finite(overhead(total_rate(names, layers, noise))),
        "total_mitigated_layers": len(mitigated),
        "unique_mitigated_layers": len(unique),
        "unique_mitigated_layers_noise_overhead": [_finite(overhead(float(np.sum(noise[layer].rates)))) for layer in unique],
    }


def _known(layer: GateLayer, noise: NoiseOf) -> PauliLindbladMap:
    return noise[layer] if layer in noise else PauliLindbladMap.identity(len(layer.qubits))


def _finite(number: float) -> float | str:
    return number if isfinite(number) else "infinity"


def _restricted(error: LayerError, qubits: tuple[int, ...]) -> PauliLindbladMap:
    place = {qubit: rank for rank, qubit in enumerate(qubits)}
    assert error.error is not None
    terms = []
    for generator, rate in zip(error.error.generators, error.error.rates, strict=True):
        # a label is read from the right: its last letter is the first qubit's
        letters = zip(reversed(generator.to_label().lstrip("+-i")), error.qubits, strict=True)
        inside = [(letter, place[qubit]) for letter, qubit in letters if letter != "I" and qubit in place]
        if inside:
            terms.append(("".join(letter for letter, _ in inside), [index for _, index in inside], float(rate)))
    if not terms:
        return PauliLindbladMap.identity(len(qubits))
    return PauliLindbladMap.from_sparse_list(terms, num_qubits=len(qubits))
