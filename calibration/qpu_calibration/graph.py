"""The graph: which routine on which qubits needs which others first (Kelly et al., arXiv:1803.03226)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from qpu_bridge.errors import SettingsError
from qpu_bridge.target import Snapshot
from qpu_calibration import catalog
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind
from qpu_calibration.routine import Routine


class Node(NamedTuple):
    """A routine on one qubit or coupler."""

    routine: str
    target: Target

    def __str__(self) -> str:
        return f"{self.routine} of {target_name(self.target)}"


class Graph:
    """All routines on all qubits and couplers of a device.

    A coupler's routine needs the routines of both its qubits; a qubit's routine that needs one of couplers needs it on all of
    its own.

    Args:
        routines: By name.
        qubits: Indices.
        couplers: Pairs, each once.
        gates: Native gates of each coupler, for routines that are about one of them; None if each has all.

    Attributes:
        order: Names of the routines, each after all it needs.

    Raises:
        SettingsError: If a routine needs one that is not there, itself, or invalidates one that does not need it.
    """

    def __init__(
        self,
        routines: Mapping[str, Routine[Any]],
        qubits: Iterable[int],
        couplers: Iterable[Target],
        gates: Mapping[Target, Collection[str]] | None = None,
    ) -> None:
        self.routines = dict(routines)
        self.couplers = tuple(couplers)
        self._gates = gates
        self._targets: dict[Kind, tuple[Target, ...]] = {Kind.QUBIT: tuple((q,) for q in qubits), Kind.COUPLER: self.couplers}
        for name, one in self.routines.items():
            missing = sorted({*one.depends_on, *one.invalidates} - self.routines.keys())
            if missing:
                raise SettingsError("a routine must build on installed ones", given=", ".join(missing), where=name)
        try:
            above = {name: self.routines[name].depends_on for name in sorted(self.routines)}
            self.order = tuple(TopologicalSorter(above).static_order())
        except CycleError as error:
            raise SettingsError("no routine may need itself", given=" -> ".join(error.args[1])) from None
        self._place = {name: place for place, name in enumerate(self.order)}
        # filled as it is asked: who decides asks again and again
        self._above: dict[Node, frozenset[Node]] = {}
        lower: dict[str, frozenset[str]] = {}
        for name in self.order:
            needed = self.routines[name].depends_on
            lower[name] = frozenset(needed).union(*(lower[other] for other in needed))
        for name, one in self.routines.items():
            for other in one.invalidates:
                if name not in lower[other]:
                    raise SettingsError("what a routine invalidates must depend on it", given=other, where=name)

    @classmethod
    def of(cls, snapshot: Snapshot, routines: Iterable[str] | None = None) -> Graph:
        """Of a device.

        Args:
            snapshot: Its qubits and couplers.
            routines: Names; all that are installed, if None.
        """
        names = catalog.names() if routines is None else routines
        pairs = couplers(snapshot)
        gates = {pair: {gate.name for gate in snapshot.gates if set(gate.qubits) == set(pair)} for pair in pairs}
        return cls({name: catalog.routine(name) for name in names}, (q.index for q in snapshot.qubits), pairs, gates)

    def kind(self, name: str) -> Kind:
        """What the targets of a routine are."""
        return self.routines[name].kind

    def targets(self, name: str) -> tuple[Target, ...]:
        """All targets of a routine."""
        return tuple(target for target in self._targets[self.kind(name)] if self._about(name, target))

    def nodes(
        self, name: str | None = None, qubits: Sequence[int] | None = None, couplers: Sequence[Target] | None = None
    ) -> list[Node]:
        """Nodes in the order of `order`.

        Args:
            name: Of one routine; all routines, if None.
            qubits: Only these, and (without ``couplers``) the couplers between them; all, if None.
            couplers: Only these, in either order; without ``qubits``, no routine of qubits.

        Raises:
            SettingsError: If there is no such routine, qubit or coupler, or a routine is not about what is named.
        """
        if name is not None and name not in self.routines:
            raise SettingsError(f"a routine must be one of {', '.join(self.order)}", given=name)
        wanted = {Kind.QUBIT: self._qubits(qubits, couplers), Kind.COUPLER: self._couplers(qubits, couplers)}
        names = self.order if name is None else (name,)
        found = [Node(one, target) for one in names for target in wanted[self.kind(one)] if self._about(one, target)]
        others = [] if name is None else [pair for pair in wanted[self.kind(name)] if not self._about(name, pair)]
        if others and (couplers is not None or not found):
            raise SettingsError(
                f"{name} is about couplers with {self.routines[str(name)].gate}",
                given=", ".join(f"{target_name(pair)} with {' and '.join(sorted(self._native(pair)))}" for pair in others[:3]),
                where="couplers",
            )
        if name is not None and not found:
            kind, there = self.kind(name), self.targets(name)
            raise SettingsError(
                f"{name} is about {kind}s, of which some must be chosen",
                given=f"qubits {list(qubits or [])}, couplers {[*map(list, couplers or [])]}",
                where="couplers" if kind is Kind.COUPLER else "qubits",
                remedy=f"Name some, such as {target_name(there[0])}, or leave qubits and couplers out." if there else "",
            )
        return found

    def needs(self, node: Node) -> tuple[Node, ...]:
        """What a node needs directly."""
        return tuple(Node(name, there) for name in self.routines[node.routine].depends_on for there in self._there(node, name))

    def spoils(self, node: Node) -> tuple[Node, ...]:
        """What is worthless once a node has changed its numbers."""
        return tuple(Node(name, there) for name in self.routines[node.routine].invalidates for there in self._there(node, name))

    def above(self, nodes: Iterable[Node]) -> list[Node]:
        """All that some nodes need, directly or not, without themselves, each after all it needs."""
        asked = set(nodes)
        found = set[Node]().union(*map(self._all_above, asked))
        return sorted(found - asked, key=lambda node: (self._place[node.routine], node.target))

    def _all_above(self, node: Node) -> frozenset[Node]:
        known = self._above.get(node)
        if known is None:
            needed = self.needs(node)
            known = self._above[node] = frozenset(needed).union(*map(self._all_above, needed))
        return known

    def _there(self, node: Node, name: str) -> Sequence[Target]:
        """On which targets a routine belongs to a node of the same or the other kind."""
        mine, others = self.kind(node.routine), self.kind(name)
        if others is Kind.QUBIT:
            return [(qubit,) for qubit in node.target]
        pairs = [node.target] if mine is others else [pair for pair in self.couplers if node.target[0] in pair]
        return [pair for pair in pairs if self._about(name, pair)]

    def _about(self, name: str, target: Target) -> bool:
        gate = self.routines[name].gate
        return not gate or self._gates is None or gate in self._native(target)

    def _native(self, target: Target) -> Collection[str]:
        return () if self._gates is None else self._gates.get(target, ())

    def _qubits(self, qubits: Sequence[int] | None, couplers: Sequence[Target] | None) -> Sequence[Target]:
        there = self._targets[Kind.QUBIT]
        if qubits is None:
            return there if couplers is None else []
        wrong = [q for q in qubits if (q,) not in there]
        if wrong:
            raise SettingsError(
                f"a qubit must be one of the device's {len(there)}", given=", ".join(map(str, wrong)), where="qubits"
            )
        return [(q,) for q in dict.fromkeys(qubits)]

    def _couplers(self, qubits: Sequence[int] | None, couplers: Sequence[Target] | None) -> Sequence[Target]:
        if couplers is None:
            return self.couplers if qubits is None else [pair for pair in self.couplers if set(pair) <= set(qubits)]
        there = {frozenset(pair): pair for pair in self.couplers}
        wrong = [pair for pair in couplers if frozenset(pair) not in there]
        if wrong:
            raise SettingsError(
                f"a coupler must be one of {', '.join('-'.join(map(str, pair)) for pair in self.couplers) or 'none'}",
                given=", ".join("-".join(map(str, pair)) for pair in wrong),
                where="couplers",
            )
        return list(dict.fromkeys(there[frozenset(pair)] for pair in couplers))


def couplers(snapshot: Snapshot) -> tuple[Target, ...]:
    """Pairs of qubits that a gate joins, each once, in the gate's order of qubits."""
    pairs: dict[frozenset[int], Target] = {}
    for gate in snapshot.gates:
        if len(gate.qubits) == 2:
            pairs.setdefault(frozenset(gate.qubits), gate.qubits)
    return tuple(pairs.values())


def target_name(target: Target) -> str:
    """``qubit 3`` or ``coupler 3-4``; ``device`` where there is no target."""
    if not target:
        return "device"
    return f"qubit {target[0]}" if len(target) == 1 else f"coupler {'-'.join(map(str, target))}"


def target_names(targets: Sequence[Target]) -> str:
    """Several targets of one kind: ``qubits 0, 2``, ``couplers 0-1, 3-4``."""
    if len(targets) == 1:
        return target_name(targets[0])
    kind = "qubits" if len(targets[0]) == 1 else "couplers"
    return f"{kind} {', '.join('-'.join(map(str, target)) for target in targets)}"
