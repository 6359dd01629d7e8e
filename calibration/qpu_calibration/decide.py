"""What to do next: only what is stale or failed is redone, going back as far as needed and no further.

After Kelly et al., "Physical qubit calibration on a directed acyclic graph", arXiv:1803.03226, for many targets side by side.
Nothing here measures: a generator says what to do and is told what came of it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import replace

from qpu_calibration.graph import Graph, Node
from qpu_calibration.groups import groups
from qpu_calibration.ledger import Ledger
from qpu_calibration.page import Target
from qpu_calibration.plan import Kind
from qpu_calibration.step import Action, Findings, Stages, Step, Steps, Verdict

REPEATS = 2
"""A look that is `Finding.unsure` is repeated so often: what is far off is seen less well, and a calibration costs many looks."""


def maintain(
    graph: Graph, ledger: Ledger, wanted: Iterable[Node], *, force: bool = False, trust: bool = False, ahead_h: float = 0.0
) -> Stages:
    """Bring nodes, and all they need, within specification.

    Where something is to be calibrated without a look, what needs one qubit only comes first, for qubits that are apart side by
    side; then the rest.

    What was never calibrated is calibrated without a look. A node whose look is bad has what it needs looked at first (diagnose),
    and is then calibrated. One that cannot be calibrated blocks all that need it; the others go on. What a calibration makes
    worthless (`Routine.invalidates`) is wanted as well: no target is left with a rough number where a fine one was.

    Args:
        graph: Of the device.
        ledger: What is known; it is kept up to date.
        wanted: Nodes to bring into specification.
        force: Calibrate them, whatever is known.
        trust: Look first at what was never calibrated: the snapshot's numbers come from elsewhere and may be right.
        ahead_h: Hours of device time for which all shall be in specification.
    """
    return _Maintenance(graph, ledger, wanted, force, trust, ahead_h).all()


def inspect(graph: Graph, ledger: Ledger, wanted: Iterable[Node]) -> Stages:
    """Look at nodes, whatever is known of them, and change nothing."""
    yield [_inspection(graph, ledger, set(wanted))]


def _inspection(graph: Graph, ledger: Ledger, asked: Collection[Node]) -> Steps:
    for name in graph.order:
        targets = tuple(target for target in graph.targets(name) if Node(name, target) in asked)
        if targets:
            _learn(graph, ledger, name, (yield Step(Action.LOOK, name, targets)))


def blocked(graph: Graph, ledger: Ledger, nodes: Iterable[Node]) -> dict[Node, str]:
    """Which nodes wait for one that failed, and why it did."""
    found = {}
    for node in nodes:
        failed = [other for other in graph.above([node]) if ledger[other].failed and graph.routines[other.routine].essential]
        if failed:
            found[node] = f"{failed[0]}: {ledger[failed[0]].failed}"
    return found


class _Maintenance:
    """One run of `maintain`.

    Attributes:
        proven: Nodes that were measured in this run, and nothing they need was calibrated since.
        lost: Nodes that could not be calibrated in this run.
        due: Nodes that must be calibrated yet, whatever is known.
        settled: How often what all measurements hang on has changed.
        single: Routines that need, with all they need, nothing of another qubit, and no more distance than neighbours have.
    """

    def __init__(self, graph: Graph, ledger: Ledger, wanted: Iterable[Node], force: bool, trust: bool, ahead_h: float) -> None:
        self.graph, self.ledger, self.trust, self.ahead_h = graph, ledger, trust, ahead_h
        asked = list(wanted)
        self.scope = {*asked, *graph.above(asked)}
        self.due = set(asked) if force else set()
        self.proven: set[Node] = set()
        self.lost: set[Node] = set()
        self.went_back = True
        self.settled = 0
        self.single: set[str] = set()
        for name in graph.order:
            one = graph.routines[name]
            if one.kind is Kind.QUBIT and one.apart == 1 and self.single.issuperset(one.depends_on):
                self.single.add(name)
        ledger.trusts = trust

    def all(self) -> Stages:
        """Sweep from what needs nothing to what needs most; again, where going back has changed what had been swept."""
        for node in tuple(self.scope):
            self.want_spoilt(node)
        stale = [node for node in self.scope if node.routine in self.single and not self.fresh(node)]
        # where all is worth a look, few are stale at a time: those of both groups that are apart share schedules
        if not all(self.worth_a_look(node) for node in stale):
            yield [self.sweep(group) for group in groups(self.graph.couplers, sorted({node.target for node in stale}))]
        self.went_back = True
        while self.went_back:
            self.went_back = False
            yield [self.sweep()]

    def sweep(self, qubits: Collection[Target] | None = None) -> Steps:
        """Once through all routines; only through those that need nothing of others, if qubits are given."""
        for name in self.graph.order:
            if qubits is None or name in self.single:
                here = self.graph.targets(name) if qubits is None else qubits
                yield from self.maintain(name, [target for target in here if Node(name, target) in self.scope])

    def maintain(self, name: str, mine: Sequence[Target]) -> Steps:
        stale = [target for target in self.open(name, mine) if not self.fresh(Node(name, target))]
        found = yield from self.look(name, stale)
        bad = [target for target in stale if target in found and found[target].verdict is Verdict.BAD]
        yield from self.diagnose_above(name, bad)
        again = [target for target in stale if target not in found or not found[target].well]
        failed = yield from self.calibrate(name, again)
        changed = yield from self.diagnose_above(name, failed)
        yield from self.calibrate(name, [target for target in failed if target in changed])

    def diagnose(self, name: str, targets: Collection[Target]) -> Generator[Step, Findings, set[Target]]:
        """Look; where that is not good, go back and calibrate. Returns the targets whose numbers are others now."""
        doubtful = [target for target in self.open(name, targets) if not self.is_proven(Node(name, target))]
        found = yield from self.look(name, doubtful)
        bad = [target for target in doubtful if target in found and found[target].verdict is Verdict.BAD]
        yield from self.diagnose_above(name, bad)
        again = [target for target in doubtful if target not in found or not found[target].well]
        failed = yield from self.calibrate(name, again)
        changed = {target for target in again if self.is_proven(Node(name, target))} - set(failed)
        changed |= {target for target, one in found.items() if one.verdict is Verdict.MENDED}
        self.went_back |= bool(changed)
        return changed

    def diagnose_above(self, name: str, targets: Sequence[Target]) -> Generator[Step, Findings, set[Target]]:
        """Diagnose what targets need. Returns those of which something was changed."""
        needs: dict[str, dict[Target, list[Target]]] = {}
        for target in targets:
            for needed in self.graph.needs(Node(name, target)):
                needs.setdefault(needed.routine, {}).setdefault(needed.target, []).append(target)
        changed: set[Target] = set()
        for other in sorted(needs, key=self.graph.order.index):
            for there in (yield from self.diagnose(other, list(needs[other]))):
                changed.update(needs[other][there])
        return changed

    def look(self, name: str, targets: Sequence[Target]) -> Generator[Step, Findings, Findings]:
        """Look at those that have numbers worth a look."""
        worth = [target for target in targets if self.worth_a_look(Node(name, target))]
        yield from self.restore(name, worth)
        worth = self.open(name, worth)
        if not worth:
            return {}
        settled = self.settled
        found = dict((yield self.glance(name, worth)))
        _learn(self.graph, self.ledger, name, found)
        for _ in range(REPEATS):
            unsure = [target for target, one in found.items() if one.unsure]
            if not unsure:
                break
            again = yield self.glance(name, unsure)
            # what was mended and is well now was one look, which has mended
            mended = {
                target: replace(found[target], deviation_error=one.deviation_error)
                for target, one in again.items()
                if one.well and found[target].verdict is Verdict.MENDED
            }
            _learn(self.graph, self.ledger, name, {target: one for target, one in again.items() if target not in mended})
            found |= {**again, **mended}
        self.proven.update(Node(name, target) for target, one in found.items() if one.well)
        for target, one in found.items():
            if one.verdict is Verdict.MENDED:
                self.want_spoilt(Node(name, target))
        self.doubt_since(settled, name, found)
        self.settle(found)
        return found

    def glance(self, name: str, targets: Sequence[Target]) -> Step:
        """A look that may mend."""
        drifting = tuple(target for target in targets if self.ledger.drifts(self.graph, Node(name, target)))
        return Step(Action.LOOK, name, tuple(targets), mend=True, drifting=drifting)

    def calibrate(self, name: str, targets: Sequence[Target]) -> Generator[Step, Findings, list[Target]]:
        """Calibrate; returns the targets for which it failed."""
        yield from self.restore(name, targets)
        ready = self.open(name, targets, again=True)
        if not ready:
            return []
        settled = self.settled
        found = yield Step(Action.CALIBRATE, name, tuple(ready))
        for target, one in found.items():
            node = Node(name, target)
            self.due.discard(node)
            if one.verdict is Verdict.GOOD:
                self.ledger.calibrated(self.graph, node, one.complaint)
                self.proven.add(node)
                self.lost.discard(node)
                self.want_spoilt(node)
            else:
                self.lost.add(node)
                if one.verdict is Verdict.BAD:
                    self.ledger.failed(node, one.reason)
        self.doubt_since(settled, name, found)
        self.settle(found)
        return [target for target in ready if target in found and found[target].verdict is Verdict.BAD]

    def want_spoilt(self, node: Node) -> None:
        """What a node has made worthless, now or in a run that was stopped, is to be found again in this one."""
        spoilt = {other for other in self.graph.spoils(node) if self.ledger[other].invalid} - self.scope
        self.scope |= spoilt
        self.went_back |= bool(spoilt)

    def settle(self, found: Findings) -> None:
        """Look at everything again where what all measurements hang on has changed; what failed may have failed for that."""
        if any(one.affects_all for one in found.values()):
            self.ledger.doubt()
            self.proven.clear()
            self.lost.clear()
            self.went_back = True
            self.settled += 1

    def doubt_since(self, settled: int, name: str, found: Findings) -> None:
        """Look again at what was measured while another strand changed what all measurements hang on."""
        if self.settled != settled:
            nodes = [Node(name, target) for target in found]
            self.ledger.doubt(nodes)
            self.proven.difference_update(nodes)
            self.lost.difference_update(nodes)
            self.went_back = True

    def restore(self, name: str, targets: Sequence[Target]) -> Steps:
        """Calibrate what was made worthless among all that targets need."""
        invalid: dict[str, list[Target]] = {}
        for node in self.graph.above(Node(name, target) for target in targets):
            if self.ledger[node].invalid and node not in self.lost:
                invalid.setdefault(node.routine, []).append(node.target)
        for other in sorted(invalid, key=self.graph.order.index):
            ready = self.open(other, invalid[other])
            if ready:
                yield from self.calibrate(other, ready)

    def open(self, name: str, targets: Collection[Target], again: bool = False) -> list[Target]:
        """Targets whose node may be measured: nothing it needs failed, nor it itself in this run (unless it is tried again)."""
        found = []
        for target in targets:
            node = Node(name, target)
            broken = self.lost and any(other in self.lost and self.essential(other) for other in self.graph.above([node]))
            if not broken and (again or node not in self.lost):
                found.append(target)
        return found

    def essential(self, node: Node) -> bool:
        return self.graph.routines[node.routine].essential

    def fresh(self, node: Node) -> bool:
        # another look of the same run tells nothing of drift, however soon the next is due
        ahead_h = 0.0 if self.is_proven(node) else self.ahead_h
        return node not in self.due and self.ledger.left_h(self.graph, node) > ahead_h

    def is_proven(self, node: Node) -> bool:
        known = self.ledger[node]
        if node not in self.proven or known.invalid:
            return False
        return all(self.ledger[other].changed <= known.passed for other in self.graph.needs(node))

    def worth_a_look(self, node: Node) -> bool:
        known = self.ledger[node]
        ours = bool(known.calibrated or known.passed) or self.trust
        return ours and not known.invalid and not known.failed and node not in self.due


def _learn(graph: Graph, ledger: Ledger, name: str, found: Findings) -> None:
    for target, one in found.items():
        node = Node(name, target)
        if one.deviation is not None:
            ledger.note_deviation(graph, node, one.deviation, one.deviation_error)
        if one.verdict is Verdict.GOOD:
            ledger.passed(node, one.complaint)
        elif one.verdict is Verdict.BAD:
            ledger.doubt([node])
        elif one.verdict is not Verdict.BARRED:
            ledger.drifted(node, beyond=one.deviation is None or one.deviation > 1)
        if one.verdict is Verdict.MENDED:
            ledger.calibrated(graph, node, one.complaint)
