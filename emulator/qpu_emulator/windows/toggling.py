"""What relaxation and slow detuning do within a pulse on two transmons, seen from the frame that the pulse turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real, entries
from qpu_emulator.windows.relaxation import Relaxation

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
    one = np.eye(levels)
    jumps = [np.kron(jump, one) for jump in relaxations[0].jumps(levels)]
    jumps += [np.kron(one, jump) for jump in relaxations[1].jumps(levels)]
    size = levels**2
    if not jumps:
        return np.zeros((len(noted), size**2, size**2))
    places, values = entries(levels, 2)
    return _decay(np.ascontiguousarray(noted), np.array(jumps, complex), seconds / noted.shape[1], places, values)


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
    one = np.eye(3)
    jumps = [np.kron(jump, one) for jump in relaxations[0].jumps()] + [np.kron(one, jump) for jump in relaxations[1].jumps()]
    if not jumps:
        return 0.0
    left, _, right = np.linalg.svd(noted)
    rates = []
    for states in ((left @ right)[..., _QUBITS], np.eye(9, dtype=complex)[None][..., _QUBITS]):
        turned = np.array(jumps)[:, None] @ states
        within = states.conj().swapaxes(1, 2) @ turned
        straight = np.abs(np.trace(within, axis1=2, axis2=3)) ** 2
        lost = 5 * (np.abs(turned) ** 2).sum(axis=(2, 3)) - straight - (np.abs(within) ** 2).sum(axis=(2, 3))
        rates.append(float(lost.sum()) / (20 * len(states)))
    return seconds * (rates[0] - rates[1])


@compiled()
def _decay(noted: Complex, jumps: Complex, share: float, places: Count, values: Complex) -> Real:
    count, marks, size = noted.shape[0], noted.shape[1], noted.shape[2]
    out = np.zeros((count, len(places), len(places)))
    half, turned = np.zeros((size, size), np.complex128), np.zeros((size, size), np.complex128)
    left = np.zeros((size, size), np.complex128)
    generator = np.zeros((size, size, size, size), np.complex128)  # [a, c, b, d]: rho_bd to rho_ac
    for index in range(count):
        for a in range(size):
            for b in range(size):
                left[a, b] = 0.0
                for c in range(size):
                    for d in range(size):
                        generator[a, b, c, d] = 0.0
        for mark in range(marks):
            u = noted[index, mark]
            for jump in range(len(jumps)):
                for a in range(size):
                    for b in range(size):
                        half[a, b], turned[a, b] = 0.0, 0.0
                for a in range(size):
                    for k in range(size):
                        if jumps[jump, a, k] != 0.0:
                            for b in range(size):
                                half[a, b] += jumps[jump, a, k] * u[k, b]
                for k in range(size):
                    for a in range(size):
                        for b in range(size):
                            turned[a, b] += np.conj(u[k, a]) * half[k, b]
                for k in range(size):
                    for a in range(size):
                        factor = share * np.conj(turned[k, a])
                        for b in range(size):
                            left[a, b] += factor * turned[k, b]
                for a in range(size):
                    for c in range(size):
                        for b in range(size):
                            factor = share * turned[a, b]
                            for d in range(size):
                                generator[a, c, b, d] += factor * np.conj(turned[c, d])
        for a in range(size):
            for b in range(size):
                for c in range(size):
                    generator[a, c, b, c] -= 0.5 * left[a, b]
                    generator[c, a, c, b] -= 0.5 * np.conj(left[a, b])
        for i in range(len(places)):
            for j in range(len(places)):
                total = 0.0 + 0.0j
                for e in range(places.shape[1]):
                    if values[i, e] == 0.0:
                        continue
                    for f in range(places.shape[1]):
                        if values[j, f] != 0.0:
                            total += (
                                values[i, e]
                                * values[j, f]
                                * generator[places[i, e, 1], places[i, e, 0], places[j, f, 0], places[j, f, 1]]
                            )
                out[index, i, j] = total.real
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
    ladder, one = np.arange(levels), np.ones(levels)
    shares = np.zeros((len(noted), 2, 2))
    kept = [levels * a + b for a in (0, 1) for b in (0, 1)]
    for transmon, number in enumerate((np.outer(ladder, one), np.outer(one, ladder))):
        weight = number.ravel()[:, None]
        whole = seconds * np.einsum("nqka,nqkb->nab", noted.conj(), weight * noted, optimize=True) / noted.shape[1]
        after = np.einsum("nka,nkb->nab", final.conj(), weight * final, optimize=True)
        before = np.broadcast_to(np.diag(weight[:, 0]), after.shape)
        # a part proportional to 1 is a global phase
        found = [_traceless(part[:, kept][..., kept]) for part in (before, after, whole)]
        gram = np.array([[np.einsum("ni,ni->n", p.conj(), q).real for q in found[:2]] for p in found[:2]]).transpose(2, 0, 1)
        wanted = np.array([np.einsum("ni,ni->n", p.conj(), found[2]).real for p in found[:2]]).T
        # a diagonal pulse leaves both alike, and half a turn makes them opposite: the small constant then shares evenly
        gram += _EVEN * np.eye(2)
        shares[:, transmon] = np.clip(np.linalg.solve(gram, wanted[..., None])[..., 0], 0.0, seconds)
    return shares


def _traceless(matrix: Complex) -> Complex:
    size = matrix.shape[-1]
    trace = np.einsum("nii->n", matrix) / size
    return np.asarray((matrix - trace[:, None, None] * np.eye(size)).reshape(len(matrix), -1))
