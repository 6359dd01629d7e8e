"""Density matrices as real vectors: an orthonormal Hermitian basis of one d-level system.

Order for d = 3: populations 0, 1, 2, then X and Y of the coherences 01, 02, 12. ``rho_kl = (x - i y) / sqrt 2``.
Populations come first so that a measurement only sums, and relaxation only mixes, the first d numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def pairs(levels: int) -> list[tuple[int, int]]:
    """The coherences, in order."""
    return [(k, m) for k in range(levels) for m in range(k + 1, levels)] if levels < 3 else [(0, 1), (0, 2), (1, 2)]


@cache
def hermitian(levels: int) -> Complex:
    """The basis, ``complex[levels**2, levels, levels]``."""
    matrices = []
    for k in range(levels):
        matrix = np.zeros((levels, levels), complex)
        matrix[k, k] = 1
        matrices.append(matrix)
    for k, m in pairs(levels):
        x = np.zeros((levels, levels), complex)
        x[k, m] = x[m, k] = np.sqrt(0.5)
        y = np.zeros((levels, levels), complex)
        y[k, m], y[m, k] = -1j * np.sqrt(0.5), 1j * np.sqrt(0.5)
        matrices += [x, y]
    return np.array(matrices)


@cache
def columns(levels: int, systems: int = 1) -> Complex:
    """Basis of several systems as columns of row-major matrices, ``complex[dim**2, dim**2]``; the last system varies fastest."""
    single = hermitian(levels)
    total = single
    for _ in range(systems - 1):
        product = np.einsum("iab,jcd->ijacbd", total, single)
        size = total.shape[1] * levels
        total = product.reshape(len(total) * len(single), size, size)
    return total.reshape(len(total), -1).T.copy()


def superoperator(kraus: Complex, levels_in: int, levels_out: int, systems: int = 1) -> Real:
    """The map ``rho -> K rho K+`` on real vectors.

    Args:
        kraus: ``complex[..., levels_out**systems, levels_in**systems]``.
        levels_in: Levels per system before.
        levels_out: Levels per system after.
        systems: Number of systems.
    """
    rows, cols = kraus.shape[-2:]
    kron = np.einsum("...ab,...cd->...acbd", kraus, kraus.conj()).reshape(*kraus.shape[:-2], rows**2, cols**2)
    return np.ascontiguousarray((columns(levels_out, systems).conj().T @ kron @ columns(levels_in, systems)).real)


def commutator(operator: Complex, levels: int) -> Real:
    """The generator ``rho -> -i [A, rho]`` on real vectors, for ``A`` of shape ``complex[..., levels, levels]``."""
    one = np.eye(levels)
    kron = np.einsum("...ab,cd->...acbd", operator, one) - np.einsum("ab,...dc->...acbd", one, operator)
    kron = kron.reshape(*operator.shape[:-2], levels**2, levels**2)
    frame = columns(levels)
    return np.ascontiguousarray((frame.conj().T @ (-1j * kron) @ frame).real)


def dissipator(jump: Complex) -> Real:
    """The generator ``rho -> L rho L+ - {L+ L, rho} / 2`` on real vectors."""
    levels = len(jump)
    one = np.eye(levels)
    decay = jump.conj().T @ jump
    kron = np.kron(jump, jump.conj()) - (np.kron(decay, one) + np.kron(one, decay.T)) / 2
    frame = columns(levels)
    return np.ascontiguousarray((frame.conj().T @ kron @ frame).real)


@cache
def widen() -> Real:
    """Two levels as part of three, ``float[9, 4]``."""
    return superoperator(np.eye(3, 2, dtype=complex), 2, 3)


@cache
def narrow() -> Real:
    """Three levels seen as two, ``float[4, 9]``: what has leaked counts as excited. Completely positive, keeps the trace."""
    stay = superoperator(np.eye(2, 3, dtype=complex), 3, 2)
    leaked = np.zeros((2, 3), complex)
    leaked[1, 2] = 1
    return stay + superoperator(leaked, 3, 2)
