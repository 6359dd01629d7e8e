"""Graphs of routines that measure nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qpu_calibration.graph import Graph
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine

Plan = Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
"""Name -> kind, what it depends on, what it invalidates."""


def graph_of(plan: Plan, qubits: int, couplers: Sequence[tuple[int, int]]) -> Graph:
    """A graph of such routines."""
    return Graph({name: _routine(name, *row)() for name, row in plan.items()}, range(qubits), couplers)


def _routine(name: str, kind: str, needs: tuple[str, ...], spoils: tuple[str, ...]) -> type[Routine[Any]]:
    fields = {"name": name, "kind": Kind(kind), "depends_on": needs, "invalidates": spoils, "__abstractmethods__": frozenset()}
    made = type(name, (Routine,), fields)
    made.__abstractmethods__ = frozenset()
    return made
