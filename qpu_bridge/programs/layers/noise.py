"""What was learned of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliLindbladMap, QubitSparsePauliList

from qpu_bridge.programs.layers.layer import Protocol


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """Noise of a layer as a sparse Pauli-Lindblad channel ``exp(sum_k rates[k] (P_k . P_k - 1))``.

    Attributes:
        generators: The Paulis ``P_k``; their qubit ``j`` is the layer's ``j``-th in ascending order on the machine.
        rates: ``float64[k]``, none negative.
        rates_std: ``float64[k]``, standard deviations of the estimates before they are kept from being negative.
        protocol: How it was learned.
        fraction_kept: Depth in pairs of layers -> share of shots that passed the checks (TREX: depth 0 only).
        success_rates: Depth -> qubit of the machine -> share of shots in which its checks passed.
    """

    generators: QubitSparsePauliList
    rates: NDArray[np.float64]
    rates_std: NDArray[np.float64]
    protocol: Protocol
    fraction_kept: Mapping[int, float]
    success_rates: Mapping[int, Mapping[int, float]]

    def to_map(self) -> PauliLindbladMap:
        """As Qiskit and the mitigation library take it."""
        return PauliLindbladMap.from_components(self.rates, self.generators)
