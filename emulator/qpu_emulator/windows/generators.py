"""What a pulse gathers, as generators on real vectors: few of the products of its numbers are in any one entry."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.windows.basis import Complex, Real, columns, commutator

_NOTHING = 1e-9


class Weights(NamedTuple):
    """A sparse matrix.

    Attributes:
        places: ``int[n, 2]``, which number adds to which entry.
        weights: ``float[n]``, how much of it.
    """

    places: NDArray[np.int64]
    weights: Real


class Generators(NamedTuple):
    """Entries of ``float[9, 9]`` from what `drive.drive` gathers of three levels.

    Attributes:
        slope: Of a detuning, from the nine numbers of a Hermitian matrix (`_hermitian`).
        down: Of lowering per unit of its rate, from ``3 * (9 * i + j) + part``: products of numbers i and j <= i of a matrix, row
            by row, part 1 of a product its real part and part 2 its imaginary one.
        up: The same of raising.
        dephasing: The same of counting; part 0 are products of the nine numbers.
    """

    slope: Weights
    down: Weights
    up: Weights
    dephasing: Weights


@cache
def generators() -> Generators:
    """All of them."""
    entries, numbers, nothing = np.eye(9, dtype=complex).reshape(9, 3, 3), _hermitian(), np.zeros((9, 9, 81))
    lowering, raising, counting = (_dissipators(one) for one in (entries, entries.transpose(0, 2, 1), numbers))
    return Generators(
        _weights(commutator(numbers, 3).reshape(9, 81)),
        _products(nothing, *_parts(lowering)),
        # raising is lowering's adjoint, and has its conjugate numbers
        _products(nothing, *_parts(raising.transpose(1, 0, 2))),
        _products(2 * _parts(counting)[0], nothing, nothing),
    )


def _hermitian() -> Complex:
    """Hermitian matrices by three numbers on the diagonal, then real and imaginary parts of 01, 02 and 12."""
    out = np.zeros((9, 3, 3), complex)
    for i in range(3):
        out[i, i, i] = 1.0
    for pair, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        out[3 + 2 * pair, i, j], out[4 + 2 * pair, i, j] = 1.0, 1j
        out[3 + 2 * pair, j, i], out[4 + 2 * pair, j, i] = 1.0, -1j
    return out


def _dissipators(operators: Complex) -> Complex:
    """``A rho B+ - {B+ A, rho} / 2`` on real vectors for all pairs of operators, ``complex[n, n, 81]``."""
    one, frame = np.eye(3), columns(3)
    both = np.einsum("bki,akj->abij", operators.conj(), operators) / 2
    flow = np.einsum("aij,bkl->abikjl", operators, operators.conj())
    flow -= np.einsum("abij,kl->abikjl", both, one) + np.einsum("ij,ablk->abikjl", one, both)
    found: Complex = (frame.conj().T @ flow.reshape(-1, 9, 9) @ frame).reshape(len(operators), len(operators), 81)
    return found


def _parts(pairs: Complex) -> tuple[Real, Real]:
    """What real and imaginary parts of a product and of its conjugate, that of the pair turned round, are worth together."""
    turned = pairs.transpose(1, 0, 2)
    real, once = (pairs + turned).real, np.arange(len(pairs))
    real[once, once] /= 2
    return real, -(pairs - turned).imag


def _products(*parts: Real) -> Weights:
    """Of three parts, one triangle."""
    lower = np.tril(np.ones((9, 9)))[:, :, None, None]
    return _weights((lower * np.stack(parts, axis=2)).reshape(-1, 81))


def _weights(dense: Real) -> Weights:
    places = np.argwhere(np.abs(dense) > _NOTHING)
    return Weights(places, dense[tuple(places.T)])
