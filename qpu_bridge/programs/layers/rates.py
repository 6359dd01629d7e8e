"""From decays to rates of Paulis, none of them negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import QubitSparsePauliList
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import nnls

from qpu_bridge.programs.layers.decays import Decays

Values = NDArray[np.float64]


def solve(
    ahead: QubitSparsePauliList, back: QubitSparsePauliList, decays: Decays, generators: QubitSparsePauliList
) -> tuple[Values, Values]:
    """Rates of a layer's generators from the decays of pairs of layers.

    A pair of layers takes the Pauli ``ahead`` to ``back`` and back again, so only the product of the two fidelities is seen.
    We assume that the two are equal (arXiv:2201.09866, "symmetry"): each gets half of the exponent. With ``fidelity(P) =
    exp(-2 sum of the rates of generators that anticommute with P)`` the rates follow by nonnegative least squares.

    Args:
        ahead: Paulis that were prepared, one per decay.
        back: What the layer makes of them.
        decays: Of the pairs.
        generators: Paulis of the channel.

    Returns:
        Rates, and their standard deviations before they are kept from being negative: to first order, with all covariances.
    """
    matrix = 2.0 * np.concatenate([anticommuting(ahead, generators), anticommuting(back, generators)])
    weight = np.tile(decays.precision, 2)
    half = np.tile(decays.exponents / 2, 2)
    normal = matrix.T @ (weight[:, np.newaxis] * matrix)
    factor = cholesky(normal)  # upper
    rates, _ = nnls(factor, solve_triangular(factor, matrix.T @ (weight * half), trans="T"))
    gain = cho_solve((factor, False), (weight[:, np.newaxis] * matrix).T)
    moved = (gain[:, : len(ahead)] + gain[:, len(ahead) :]) / 2 @ decays.influence
    return rates, np.sqrt((moved**2).sum(axis=1))


def solve_measurement(qubits: Sequence[int], decays: Decays, generators: QubitSparsePauliList) -> tuple[Values, Values]:
    """Rates of bit flips before a measurement, from what is left of ``<Z>`` of a ground state; preparation is held to be perfect.

    Args:
        qubits: Which qubit each value is of.
        decays: Minus the logarithms of the values.
        generators: An X on each qubit.

    Returns:
        Rates, and their standard deviations before they are kept from being negative.
    """
    place = {qubit: index for index, qubit in enumerate(qubits)}
    order = [place[int(indices[0])] for _, indices in generators.to_sparse_list()]
    deviations = np.sqrt((decays.influence**2).sum(axis=1))
    return np.maximum(decays.exponents[order] / 2, 0), deviations[order] / 2


def anticommuting(left: QubitSparsePauliList, right: QubitSparsePauliList) -> Values:
    """1 where two Paulis anticommute, else 0: ``float64[left, right]``."""
    (x, z), (a, b) = _bits(left), _bits(right)
    return (x @ b.T + z @ a.T) % 2


def _bits(paulis: QubitSparsePauliList) -> tuple[Values, Values]:
    dense = paulis.to_pauli_list()
    return dense.x.astype(float), dense.z.astype(float)
