"""What relaxation and slow detuning do within a pulse on two transmons, seen from the frame that the pulse turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real, entries
from qpu_emulator.windows.flow import product
from qpu_emulator.windows.polar import nearest_unitary
from qpu_emulator.windows.relaxation import Relaxation, pair_jumps

_EVEN = 1e-3
_QUBITS = [0, 1, 3, 4]
"""Of nine states of two transmons, those of two qubits."""

Count = NDArray[np.int64]


def decay(noted: Complex, relaxations: tuple[Relaxation, Relaxation], seconds: float, levels: int) -> Real:
    """The integral of the Lindblad generator in the toggling frame, ``int S^-1 D S dt``, on real vectors.

    Args:
        noted: ``complex[n, q, levels**2, levels**2]``, the propagator up to the middles of q equal parts.
        relaxations: Of the two transmons.
        seconds: Length of the pulse.
        levels: 2 or 3.

    Returns:
        ``float[n, levels**4, levels**4]``.
    """
    jumps = pair_jumps(*relaxations, levels) * np.sqrt(seconds / noted.shape[1])
    turned = _turned(np.ascontiguousarray(noted), jumps)
    # v v+ in real numbers: BLAS wakes its threads for far smaller complex ones
    real, imag = np.split(turned, 2, axis=2)
    across = product(imag, real.swapaxes(1, 2))
    products = product(turned, turned.swapaxes(1, 2)) + 1j * (across - across.swapaxes(1, 2))
    return _generators(products.reshape(-1, *[levels**2] * 4), *entries(levels, 2))


def beyond_rest(noted: Complex, relaxations: tuple[Relaxation, Relaxation], seconds: float) -> float:
    """Average infidelity, to first order in the rates, that relaxation adds to a pulse beyond what it does to qubits at rest.

    On their way some states pass through level 2, which relaxes twice and dephases four times as fast. With jumps
    ``L' = U^+ L U`` between the ``d = 4`` states of the qubits, ``d (d + 1)`` times the infidelity grows at the rate
    ``(d + 1) tr(L'^+ L') - |tr L'|**2 - sum |L'|**2`` (Nielsen, Phys. Lett. A 303, 249, to first order).

    Args:
        noted: ``complex[q, 9, 9]``, the propagator up to the middles of q equal parts.
        relaxations: Of the two transmons.
        seconds: Length of the pulse.
    """
    jumps = pair_jumps(*relaxations, 3)
    rates = []
    for states in (nearest_unitary(noted)[..., _QUBITS], np.eye(9, dtype=complex)[None][..., _QUBITS]):
        turned = jumps[:, None] @ states
        within = states.conj().swapaxes(1, 2) @ turned
        straight = np.abs(np.trace(within, axis1=2, axis2=3)) ** 2
        lost = 5 * (np.abs(turned) ** 2).sum(axis=(2, 3)) - straight - (np.abs(within) ** 2).sum(axis=(2, 3))
        rates.append(float(lost.sum()) / (20 * len(states)))
    return seconds * (rates[0] - rates[1])


@compiled()
def _turned(noted: Complex, jumps: Real) -> Real:
    """``U+ L U`` of all jumps at all marks, ``float[n, states**2, 2 * q * jumps]``: real parts, then imaginary ones."""
    count, marks, size = noted.shape[0], noted.shape[1], noted.shape[2]
    out = np.zeros((count, size * size, 2 * marks * len(jumps)))
    turned = np.zeros((size, size), np.complex128)
    for index in range(count):
        for mark in range(marks):
            u = noted[index, mark]
            for jump in range(len(jumps)):
                turned[:] = 0.0
                for i in range(size):
                    for k in range(size):
                        weight = jumps[jump, i, k]
                        if weight != 0.0:
                            for a in range(size):
                                factor = weight * np.conj(u[i, a])
                                for b in range(size):
                                    turned[a, b] += factor * u[k, b]
                place = mark * len(jumps) + jump
                for a in range(size):
                    for b in range(size):
                        out[index, a * size + b, place] = turned[a, b].real
                        out[index, a * size + b, marks * len(jumps) + place] = turned[a, b].imag
    return out


@compiled()
def _generators(products: Complex, places: Count, values: Complex) -> Real:
    """Generators on real vectors from ``sum L_ab conj(L_cd)``, ``complex[n, states, states, states, states]``."""
    count, size = products.shape[0], products.shape[1]
    out = np.zeros((count, len(places), len(places)))
    left = np.zeros((size, size), np.complex128)
    used = np.zeros(len(places), np.int64)
    for i in range(len(places)):
        while used[i] < values.shape[1] and values[i, used[i]] != 0.0:
            used[i] += 1
    for index in range(count):
        both = products[index]
        for a in range(size):
            for b in range(size):
                left[a, b] = 0.0
                for k in range(size):
                    left[a, b] += both[k, b, k, a]
        for a in range(size):
            for b in range(size):
                for c in range(size):
                    both[a, b, c, c] -= 0.5 * left[a, b]
                    both[c, c, a, b] -= 0.5 * np.conj(left[a, b])
        for i in range(len(places)):
            for j in range(len(places)):
                total = 0.0
                for e in range(used[i]):
                    c, a = places[i, e, 0], places[i, e, 1]
                    for f in range(used[j]):
                        value = values[i, e] * values[j, f] * both[a, places[j, f, 0], c, places[j, f, 1]]
                        total += value.real
                out[index, i, j] = total
    return out


def detuning_shares(noted: Complex, final: Complex, seconds: float, levels: int) -> Real:
    """How much of the pulse's time a slow detuning of either transmon acts before the pulse, and how much after it.

    The sensitivity ``int U+ n U dt`` is split into ``before n + after U+ n U`` by least squares. That is exact for a pulse that
    is diagonal, and for one that turns a transmon about one axis across Z: a rotary tone that goes round many times leaves
    both shares near zero.

    Args:
        noted: ``complex[n, q, levels**2, levels**2]``, the propagator up to the middles of q equal parts.
        final: ``complex[n, levels**2, levels**2]``, at the end.
        seconds: Length of the pulse.
        levels: 2 or 3.

    Returns:
        ``float[n, 2, 2]`` in s: transmon, before or after.
    """
    kept = np.array([levels * a + b for a in (0, 1) for b in (0, 1)])
    ladder = np.arange(levels)
    numbers = np.array([np.repeat(ladder, levels), np.tile(ladder, levels)], float)
    shares = _shares(np.ascontiguousarray(noted), np.ascontiguousarray(final), numbers, kept)
    return np.asarray(seconds * np.clip(shares, 0.0, 1.0))


@compiled()
def _shares(noted: Complex, final: Complex, numbers: Real, kept: Count) -> Real:
    """Shares of the whole time, not yet between 0 and 1."""
    count, marks, size = noted.shape[0], noted.shape[1], noted.shape[2]
    out = np.zeros((count, 2, 2))
    before, after, whole = (np.zeros((4, 4), np.complex128), np.zeros((4, 4), np.complex128), np.zeros((4, 4), np.complex128))
    for index in range(count):
        for transmon in range(2):
            number = numbers[transmon]
            before[:] = 0.0
            after[:] = 0.0
            whole[:] = 0.0
            for a in range(len(kept)):
                before[a, a] = number[kept[a]]
            for k in range(size):
                _square(number[k], final[index, k], kept, after)
                for mark in range(marks):
                    _square(number[k] / marks, noted[index, mark, k], kept, whole)
            # a part proportional to 1 is a global phase
            for part in (before, after, whole):
                trace = np.trace(part) / len(kept)
                for a in range(len(kept)):
                    part[a, a] -= trace
            # a diagonal pulse leaves both alike, and half a turn makes them opposite: the small constant then shares evenly
            first, second, mixed = _overlap(before, before) + _EVEN, _overlap(after, after) + _EVEN, _overlap(before, after)
            early, late = _overlap(before, whole), _overlap(after, whole)
            determinant = first * second - mixed * mixed
            out[index, transmon, 0] = (second * early - mixed * late) / determinant
            out[index, transmon, 1] = (first * late - mixed * early) / determinant
    return out


@compiled()
def _square(weight: float, row: Complex, kept: Count, out: Complex) -> None:
    for a in range(len(kept)):
        for b in range(len(kept)):
            out[a, b] += weight * np.conj(row[kept[a]]) * row[kept[b]]


@compiled()
def _overlap(one: Complex, other: Complex) -> float:
    total = 0.0
    for a in range(one.shape[0]):
        for b in range(one.shape[1]):
            total += one[a, b].real * other[a, b].real + one[a, b].imag * other[a, b].imag
    return total
