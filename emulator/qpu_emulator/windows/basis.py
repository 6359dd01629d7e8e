"""Density matrices as real vectors: an orthonormal Hermitian basis of one d-level system.

Order for d = 3: populations 0, 1, 2, then X and Y of the coherences 01, 02, 12. ``rho_kl = (x - i y) / sqrt 2``.
Populations come first so that a measurement only sums, and relaxation only mixes, the first d numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled

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
    flat = np.ascontiguousarray(kraus).reshape(-1, *kraus.shape[-2:])
    maps = _conjugate(flat, *entries(levels_in, systems), *entries(levels_out, systems))
    return maps.reshape(*kraus.shape[:-2], *maps.shape[1:])


@cache
def entries(levels: int, systems: int) -> tuple[NDArray[np.int64], Complex]:
    """Rows, columns and values of the few entries of each basis matrix: ``int[size, n, 2]``, ``complex[size, n]``."""
    dense = columns(levels, systems).T.reshape(-1, levels**systems, levels**systems)
    most = 2**systems
    places = np.zeros((len(dense), most, 2), np.int64)
    values = np.zeros((len(dense), most), complex)
    for number, matrix in enumerate(dense):
        where = np.argwhere(matrix)
        places[number, : len(where)] = where
        values[number, : len(where)] = matrix[where[:, 0], where[:, 1]]
    return places, values


@compiled()
def _conjugate(
    kraus: Complex, places_in: NDArray[np.int64], values_in: Complex, places_out: NDArray[np.int64], values_out: Complex
) -> Real:
    """``Tr(B_i K B_j K+)`` from the few entries of each basis matrix; dense products would wake BLAS's threads."""
    rows = kraus.shape[1]
    out = np.zeros((len(kraus), len(places_out), len(places_in)))
    image = np.zeros((rows, rows), np.complex128)
    for index in range(len(kraus)):
        k = kraus[index]
        for j in range(len(places_in)):
            image[:] = 0.0
            for entry in range(places_in.shape[1]):
                value = values_in[j, entry]
                if value == 0.0:
                    continue
                left, right = places_in[j, entry, 0], places_in[j, entry, 1]
                for a in range(rows):
                    factor = value * k[a, left]
                    for b in range(rows):
                        image[a, b] += factor * np.conj(k[b, right])
            for i in range(len(places_out)):
                total = 0.0 + 0.0j
                for entry in range(places_out.shape[1]):
                    total += values_out[i, entry] * image[places_out[i, entry, 1], places_out[i, entry, 0]]
                out[index, i, j] = total.real
    return out


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
def fallen() -> Real:
    """Kraus operators of three levels seen as two, ``float[2, 2, 3]``: what has leaked counts as excited."""
    stay, leaked = np.eye(2, 3), np.zeros((2, 3))
    leaked[1, 2] = 1
    return np.stack([stay, leaked])


@cache
def narrow() -> Real:
    """Three levels seen as two, ``float[4, 9]``. Completely positive, keeps the trace."""
    return np.asarray(superoperator(fallen().astype(complex), 3, 2).sum(axis=0))
