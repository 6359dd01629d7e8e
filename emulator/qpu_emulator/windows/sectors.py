"""Maps of pulses on two transmons that conserve excitations, in sectors of coherences between as many more of them.

Such a pulse takes ``|a><c|`` only to what has the same difference of excitations ``N_a - N_c``, and so does relaxation in the
frame that turns with it. Of two transmons with three levels the largest of five sectors has 19 elements, where a map has 81.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.jit import compiled
from qpu_emulator.windows.basis import Complex, Real, columns
from qpu_emulator.windows.relaxation import Relaxation, pair_jumps

_SMALL = 1e-17
_SHARED = 4
"""Matrices of two transmons' real basis in which an element has a part, at most."""

Index = NDArray[np.int64]


class _Sectors(NamedTuple):
    """Elements ``|a><c|`` of matrices of two transmons.

    Attributes:
        number: ``int[states]``, excitations.
        sizes: ``int[sectors]``; those of fewer excitations on the left are these, conjugated.
        members: ``int[sectors, size, 2]``, a and c.
        parts: ``int[states, states, 4]``, numbers of the real basis.
        weights: ``complex[states, states, 4]``, of them.
    """

    number: Index
    sizes: Index
    members: Index
    parts: Index
    weights: Complex


def solve_sectors(
    kraus: Complex, noted: Complex, relaxations: tuple[Relaxation, Relaxation], seconds: float, levels: int
) -> Real:
    """Maps of pulses with relaxation.

    Args:
        kraus: ``complex[n, operators, levels**2, levels**2]``, what pulses do: excitations are conserved, or all operators of a
            pulse take some from both sides. What is missing of the trace goes to the ground state.
        noted: ``complex[n, q, levels**2, levels**2]``, unitary propagators up to the middles of q equal parts.
        relaxations: Of the two transmons.
        seconds: Length of the pulse.
        levels: 2 or 3.

    Returns:
        ``float[n, levels**4, levels**4]``, on real vectors.
    """
    jumps, number, share = pair_jumps(*relaxations, levels), _sectors(levels).number, seconds / noted.shape[1]
    changes = np.array([int((number[:, None] - number)[jump != 0.0][0]) for jump in jumps], np.int64)
    return _solve(np.ascontiguousarray(kraus), np.ascontiguousarray(noted), jumps * np.sqrt(share), changes, *_sectors(levels))


@cache
def _sectors(levels: int) -> _Sectors:
    number = np.add.outer(np.arange(levels), np.arange(levels)).ravel()
    found = [np.argwhere(np.subtract.outer(number, number) == more) for more in range(2 * levels - 1)]
    sizes = np.array([len(one) for one in found])
    members = np.zeros((len(found), sizes.max(), 2), np.int64)
    for sector, one in enumerate(found):
        members[sector, : len(one)] = one
    frame = columns(levels, 2)
    parts, weights = np.zeros((len(frame), _SHARED), np.int64), np.zeros((len(frame), _SHARED), complex)
    for element, row in enumerate(frame):
        places = np.flatnonzero(row)
        parts[element, : len(places)], weights[element, : len(places)] = places, row[places]
    shape = (levels**2, levels**2, _SHARED)
    return _Sectors(number, sizes, members, parts.reshape(shape), weights.reshape(shape))


@compiled()
def _solve(
    kraus: Complex,
    noted: Complex,
    jumps: Real,
    changes: Index,
    number: Index,
    sizes: Index,
    members: Index,
    parts: Index,
    weights: Complex,
) -> Real:
    size = kraus.shape[2]
    out = np.zeros((len(kraus), size**2, size**2))
    turned, left = np.zeros((len(jumps) * noted.shape[1], size, size), np.complex128), np.zeros((size, size), np.complex128)
    added = np.repeat(changes, noted.shape[1])
    largest = sizes.max()
    generators = np.zeros((len(sizes), largest, largest), np.complex128)
    flow, room = np.zeros((largest, largest), np.complex128), np.zeros((2, largest, largest), np.complex128)
    for index in range(len(kraus)):
        _toggle(noted[index], jumps, changes, number, turned)
        left[:] = 0.0
        for jump in range(len(turned)):
            for k in range(size):
                for a in range(size):
                    factor = np.conj(turned[jump, k, a])
                    if factor != 0.0:
                        for b in range(size):
                            left[a, b] += factor * turned[jump, k, b]
        norm = 0.0
        for sector in range(len(sizes)):
            inside, dim = members[sector], sizes[sector]
            for x in range(dim):
                total = 0.0
                for y in range(dim):
                    a, c, b, d = inside[x, 0], inside[x, 1], inside[y, 0], inside[y, 1]
                    value = 0.0 + 0.0j
                    for jump in range(len(turned)):
                        if added[jump] == number[a] - number[b]:
                            value += turned[jump, a, b] * np.conj(turned[jump, c, d])
                    if c == d:
                        value -= 0.5 * left[a, b]
                    if a == b:
                        value -= 0.5 * np.conj(left[c, d])
                    generators[sector, x, y] = value
                    total += abs(value)
                norm = max(norm, total)
        # a map that relaxes a lot is made in several steps
        steps = max(1, int(np.ceil(norm)))
        for sector in range(len(sizes)):
            inside, dim = members[sector], sizes[sector]
            for x in range(dim):
                for y in range(dim):
                    flow[x, y] = 0.0
                    for operator in kraus[index]:
                        flow[x, y] += operator[inside[x, 0], inside[y, 0]] * np.conj(operator[inside[x, 1], inside[y, 1]])
            if sector == 0:
                # the first is the ground state's population
                for y in range(dim):
                    missing = 1.0 + 0.0j if inside[y, 0] == inside[y, 1] else 0.0j
                    for x in range(dim):
                        if inside[x, 0] == inside[x, 1]:
                            missing -= flow[x, y]
                    flow[0, y] += missing
            for _ in range(steps):
                _relax(flow[:dim, :dim], generators[sector, :dim, :dim], norm, steps, room[:, :dim, :dim])
            both = 1.0 if sector == 0 else 2.0
            for x in range(dim):
                a, c = inside[x, 0], inside[x, 1]
                for y in range(dim):
                    b, d = inside[y, 0], inside[y, 1]
                    for e in range(_SHARED):
                        one = both * np.conj(weights[a, c, e]) * flow[x, y]
                        if one != 0.0:
                            for f in range(_SHARED):
                                out[index, parts[a, c, e], parts[b, d, f]] += (one * weights[b, d, f]).real
    return out


@compiled()
def _toggle(noted: Complex, jumps: Real, changes: Index, number: Index, out: Complex) -> None:
    """``U+ L U`` of all jumps at all marks."""
    size = noted.shape[1]
    for jump in range(len(jumps)):
        for mark in range(len(noted)):
            u, turned = noted[mark], out[jump * len(noted) + mark]
            turned[:] = 0.0
            for i in range(size):
                for k in range(size):
                    weight = jumps[jump, i, k]
                    if weight == 0.0:
                        continue
                    for a in range(size):
                        if number[a] == number[i]:
                            factor = weight * np.conj(u[i, a])
                            for b in range(size):
                                if number[b] == number[k]:
                                    turned[a, b] += factor * u[k, b]


@compiled()
def _relax(flow: Complex, generator: Complex, norm: float, steps: int, room: Complex) -> None:
    """``flow exp(generator / steps)``, in place, by its series."""
    term, spare, size, left, order = room[0], room[1], len(flow), 1.0, 0
    for i in range(size):
        for j in range(size):
            term[i, j] = flow[i, j]
    while left > _SMALL:
        order += 1
        left *= norm / steps / order
        for i in range(size):
            for j in range(size):
                spare[i, j] = 0.0
            for k in range(size):
                factor = term[i, k] / (steps * order)
                for j in range(size):
                    spare[i, j] += factor * generator[k, j]
        for i in range(size):
            for j in range(size):
                term[i, j] = spare[i, j]
                flow[i, j] += spare[i, j]
