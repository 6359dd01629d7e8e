"""Groups: which targets are measured side by side; neighbours never are, since each shifts the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import rustworkx as rx

from qpu_calibration.page import Target


def groups(couplers: Iterable[Target], targets: Sequence[Target], apart: int = 1) -> list[list[Target]]:
    """Part targets into few groups: the best of three greedy colourings.

    That by saturation (Brelaz, CACM 22, 251) is exact where two groups do.

    Args:
        couplers: Pairs of neighbours.
        targets: Qubits or couplers.
        apart: Targets with qubits this many couplings apart, or fewer, come into different groups; 0: only those that share one.

    Returns:
        The largest group first, targets in the order given.
    """
    near = _near(couplers, {qubit for target in targets for qubit in target}, apart)
    conflicts: rx.PyGraph[Target, None] = rx.PyGraph()
    conflicts.add_nodes_from(targets)
    for index, target in enumerate(targets):
        reach = set().union(*(near[qubit] for qubit in target))
        conflicts.add_edges_from_no_data(
            [(index, other) for other in range(index + 1, len(targets)) if not reach.isdisjoint(targets[other])]
        )
    ways = (rx.ColoringStrategy.Saturation, rx.ColoringStrategy.Degree, rx.ColoringStrategy.IndependentSet)
    colours = min((rx.graph_greedy_color(conflicts, strategy=way) for way in ways), key=lambda found: len(set(found.values())))
    parted: dict[int, list[Target]] = {}
    for index, target in enumerate(targets):
        parted.setdefault(colours[index], []).append(target)
    return sorted(parted.values(), key=len, reverse=True)


def _near(couplers: Iterable[Target], qubits: Iterable[int], apart: int) -> Mapping[int, set[int]]:
    """Qubit -> itself and all within so many couplings."""
    joined: dict[int, set[int]] = {qubit: {qubit} for qubit in qubits}
    for first, second in couplers:
        joined.setdefault(first, {first}).add(second)
        joined.setdefault(second, {second}).add(first)
    near = {qubit: {qubit} for qubit in joined}
    for _ in range(min(apart, len(near))):
        near = {qubit: set().union(*(joined[other] for other in reach)) for qubit, reach in near.items()}
    return near
