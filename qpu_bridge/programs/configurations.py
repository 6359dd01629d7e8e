"""In how many configurations the circuit of an estimator's pub is played: pairs of parameters and of a basis to measure in."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from math import prod

import numpy as np
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import PauliList

MOST_TERMS = 512
"""Sets of more terms are not grouped here, which takes as long as their number squared: 0.1 s for this many."""

MOST_SETS = 16
"""Different sets of terms of one pub that are grouped here."""

MOST_PAIRS = 100_000
"""Pubs with more pairs of parameters and observables are not looked through."""

_AXES = str.maketrans("01+-rl", "ZZXXYY")


def configurations(pub: EstimatorPub) -> int:
    """How many there are, by the client's own rule, or where that takes long to say, as many as there are at least.

    Observables that meet the same parameters are measured together as far as they commute on every qubit.
    """
    values = pub.parameter_values.shape
    least: int = prod(values)
    if pub.size > MOST_PAIRS:
        return least
    axes = [frozenset(term.translate(_AXES) for term in observable) for observable in pub.observables.ravel().tolist()]
    places = np.broadcast_to(np.arange(least).reshape(values), pub.shape).ravel()
    observed = np.broadcast_to(np.arange(len(axes)).reshape(pub.observables.shape), pub.shape).ravel()
    seen: dict[int, set[int]] = defaultdict(set)
    for place, index in zip(places.tolist(), observed.tolist(), strict=True):
        seen[place].add(index)
    grouped = 0

    @cache
    def bases(indices: frozenset[int]) -> int:
        nonlocal grouped
        terms = frozenset[str]().union(*(axes[index] for index in indices))
        grouped += 1
        if len(terms) > MOST_TERMS or grouped > MOST_SETS:
            return 1
        return len(PauliList(sorted(terms)).group_commuting(qubit_wise=True))

    return sum(bases(frozenset(indices)) for indices in seen.values())
