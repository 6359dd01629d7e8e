"""What a measurement asks of density matrices: how likely each outcome is, and what is left after it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled


@compiled()
def populations(
    states: NDArray[np.float64], chosen: NDArray[np.int64], measured: NDArray[np.int64], levels: int, qubits: int
) -> NDArray[np.float64]:
    """Joint probabilities of the levels of some qubits, ``float[chosen, levels**len(measured)]``, the last varying fastest."""
    weight = np.zeros(qubits, np.int64)
    for position in range(len(measured)):
        weight[measured[position]] = levels ** (len(measured) - 1 - position)
    places, targets = _diagonal(levels, qubits, weight)
    out = np.zeros((len(chosen), levels ** len(measured)))
    for number in range(len(places)):
        for lane in range(len(chosen)):
            out[lane, targets[number]] += states[places[number], chosen[lane]]
    return out


@compiled()
def _diagonal(levels: int, qubits: int, weight: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the populations stand in a state, and the weighted sum of the levels of each."""
    total = levels**qubits
    places, targets = np.zeros(total, np.int64), np.zeros(total, np.int64)
    for number in range(total):
        rest, stride = number, 1
        for back in range(qubits):
            places[number] += (rest % levels) * stride
            targets[number] += (rest % levels) * weight[qubits - 1 - back]
            rest //= levels
            stride *= levels * levels
    return places, targets


@compiled()
def project(
    states: NDArray[np.float64],
    source: NDArray[np.int64],
    position: int,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    levels: int,
    qubits: int,
) -> NDArray[np.float64]:
    """New lanes, each a copy of a source lane whose qubit was found in level ``before`` and is left in level ``after``."""
    single = levels * levels
    stride = single ** (qubits - 1 - position)
    size = states.shape[0]
    places = _diagonal(levels, qubits, np.zeros(qubits, np.int64))[0]
    out = np.zeros((size, len(source)))
    for place in range(size):
        if (place // stride) % single == 0:
            for lane in range(len(source)):
                out[place + after[lane] * stride, lane] = states[place + before[lane] * stride, source[lane]]
    weight = np.zeros(len(source))
    for place in places:
        for lane in range(len(source)):
            weight[lane] += out[place, lane]
    for place in range(size):
        for lane in range(len(source)):
            out[place, lane] /= max(weight[lane], 1e-300)
    return out
