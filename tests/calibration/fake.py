"""Graphs of routines that measure nothing, and a device whose numbers are right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph, Node
from qpu_calibration.ledger import Ledger
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine
from qpu_calibration.step import Action, Finding, Stages, Step, Steps, Verdict

Plan = Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
"""Name -> kind, what it depends on, what it invalidates."""

CHAIN: Plan = {
    "spectroscopy": ("qubit", (), ()),
    "rabi": ("qubit", ("spectroscopy",), ("fine",)),
    "kernel": ("qubit", ("rabi",), ("readout",)),
    "readout": ("qubit", ("kernel",), ()),
    "ramsey": ("qubit", ("readout",), ()),
    "fine": ("qubit", ("ramsey",), ()),
    "t1": ("qubit", ("fine",), ()),
    "cz": ("coupler", ("fine", "ramsey"), ()),
    "rzz": ("coupler", ("cz",), ()),
}
PAIRS = ((0, 1), (1, 2))


def graph_of(plan: Plan, qubits: int, couplers: Sequence[tuple[int, int]]) -> Graph:
    """A graph of such routines."""
    return Graph({name: _routine(name, *row)() for name, row in plan.items()}, range(qubits), couplers)


def _routine(name: str, kind: str, needs: tuple[str, ...], spoils: tuple[str, ...]) -> type[Routine[Any]]:
    fields = {"name": name, "kind": Kind(kind), "depends_on": needs, "invalidates": spoils}
    made = type(name, (Routine,), fields)
    # the class statement has counted the methods that are missing
    made.__abstractmethods__ = frozenset()
    return made


@dataclass
class Fake:
    """A device whose numbers are right or wrong, and what was done to it.

    A node's look is good if it and all above are right; it is off if only the node is wrong by a little; else its data cannot be
    understood. A calibration repairs a node whose ancestors are right, unless it is dead.

    Attributes:
        wrong: Nodes whose numbers are wrong, ``far`` those of them that are wrong by far, ``dead`` those that nothing repairs.
        sharp: Nodes whose looks are sharp enough to mend them.
        repaired: Nodes whose numbers were set, one after the other.
        failed: Nodes whose last calibration failed.
        used_wrong: Nodes that were measured though something they need had failed.
    """

    graph: Graph
    wrong: set[Node] = field(default_factory=set)
    far: set[Node] = field(default_factory=set)
    dead: set[Node] = field(default_factory=set)
    sharp: set[Node] = field(default_factory=set)
    done: list[tuple[Action, Node]] = field(default_factory=list)
    repaired: list[Node] = field(default_factory=list)
    failed: set[Node] = field(default_factory=set)
    used_wrong: list[Node] = field(default_factory=list)

    def play(self, stages: Stages, turns: Iterator[int] | None = None) -> None:
        """Do all steps; of each stage as its strands take turns, or as these numbers say."""
        numbers = count() if turns is None else turns
        for strands in stages:
            going: list[tuple[Steps, dict[tuple[int, ...], Finding] | None]] = [(steps, None) for steps in strands]
            while going:
                steps, found = going.pop(0 if turns is None else next(numbers) % len(going))
                try:
                    step = next(steps) if found is None else steps.send(found)
                except StopIteration:
                    continue
                assert step.targets, "a step must have something to do"
                going.append((steps, {target: self.do(step, target) for target in step.targets}))

    def do(self, step: Step, target: tuple[int, ...]) -> Finding:
        node = Node(step.routine, target)
        self.done.append((step.action, node))
        ancestors = self.graph.above([node])
        above = [other for other in ancestors if other in self.wrong]
        if self.failed.intersection(ancestors):
            self.used_wrong.append(node)
        if step.action is Action.LOOK:
            if above or node in self.wrong & (self.far | self.dead):
                return Finding(Verdict.BAD, "cannot be understood")
            if node in self.wrong & self.sharp and step.mend:
                self.mended(node)
                return Finding(Verdict.MENDED)
            return Finding(Verdict.OFF if node in self.wrong else Verdict.GOOD)
        if above or node in self.dead:
            self.wrong.add(node)
            self.failed.add(node)
            return Finding(Verdict.BAD, "no fit")
        self.mended(node)
        return Finding(Verdict.GOOD)

    def mended(self, node: Node) -> None:
        self.failed.discard(node)
        self.wrong.discard(node)
        self.wrong.update(self.graph.spoils(node))
        self.repaired.append(node)

    def did(self, action: Action) -> list[Node]:
        return [node for what, node in self.done if what is action]


def in_a_row(stages: Stages) -> Steps:
    """The steps of all strands, one strand after the other."""
    for strands in stages:
        for steps in strands:
            yield from steps


def calibrated(graph: Graph, ledger: Ledger) -> Fake:
    fake = Fake(graph)
    fake.play(maintain(graph, ledger, graph.nodes()))
    fake.done.clear()
    fake.repaired.clear()
    return fake
