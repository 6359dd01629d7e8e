"""The graph's decisions on any graph, whatever is wrong and however the device behaves."""

from __future__ import annotations

from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_calibration.decide import maintain
from qpu_calibration.graph import Graph, Node
from qpu_calibration.ledger import Ledger
from qpu_calibration.step import Action, Finding, Verdict
from tests.calibration.fake import PAIRS, calibrated, graph_of, in_a_row

NAMES = [f"r{k}" for k in range(7)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any routines that need earlier ones, and invalidate some that need them."""
    plan: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {}
    for index, name in enumerate(NAMES[: draw(st.integers(1, 7))]):
        needs = draw(st.sets(st.sampled_from(NAMES[:index]), max_size=3)) if index else set()
        kind = draw(st.sampled_from(["qubit", "qubit", "coupler"]))
        plan[name] = (kind, tuple(sorted(needs)), ())
    bare = graph_of(plan, 3, PAIRS)
    for name, (kind, needs, _) in list(plan.items()):
        heirs = [
            other for other in plan if any(node.routine == name for node in bare.above([Node(other, bare.targets(other)[0])]))
        ]
        spoiled = draw(st.sets(st.sampled_from(heirs), max_size=2)) if heirs else set()
        plan[name] = (kind, needs, tuple(sorted(spoiled)))
    return graph_of(plan, 3, PAIRS)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_wrong(data):
    """No node is calibrated before what it needs; nothing fresh is redone; it ends; what can be repaired is."""
    graph, ledger = data.draw(graphs()), Ledger()
    nodes = graph.nodes()
    some = st.sets(st.sampled_from(nodes))
    fake = calibrated(graph, ledger)
    fake.wrong, fake.far = data.draw(some), data.draw(some)
    fake.dead = data.draw(st.sets(st.sampled_from(nodes), max_size=2)) & fake.wrong
    fake.sharp = data.draw(some) - fake.dead
    doubted = data.draw(some)
    ledger.doubt(doubted)
    right = set(nodes) - fake.wrong
    wanted = data.draw(st.just(nodes) | st.lists(st.sampled_from(nodes), min_size=1))
    # strands go on in any order
    turns = data.draw(st.randoms(use_true_random=False))
    fake.play(maintain(graph, ledger, wanted), iter(partial(turns.randrange, 6), None))
    assert len(fake.done) <= 8 * len(nodes) * len(nodes)
    assert not fake.used_wrong
    spoiled = {other for node in fake.repaired for other in graph.spoils(node)}
    for node in fake.did(Action.CALIBRATE):
        # right numbers are found again only where they were spoiled, or could not be seen for what was wrong above
        assert node not in right or node in spoiled or set(graph.above([node])) - right, f"{node} was in specification"
    for _, node in fake.done:
        assert not ledger[node].failed or fake.dead & {node, *graph.above([node])}, f"{node} could be repaired"


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_it_ends_and_keeps_order_however_the_device_behaves(data):
    """A bench that answers at random: every calibration comes after those of all it needs, or they were fresh."""
    graph, ledger = data.draw(graphs()), Ledger()
    draw = data.draw(st.randoms(use_true_random=False))
    for _ in range(3):
        steps, found, count = in_a_row(maintain(graph, ledger, graph.nodes(), force=draw.random() < 0.3)), None, 0
        try:
            while True:
                step = next(steps) if found is None else steps.send(found)
                count += 1
                assert count < 2000
                for target in step.targets:
                    for other in graph.needs(Node(step.routine, target)):
                        assert not ledger[other].failed, (step, other)
                        assert not ledger[other].invalid
                        assert ledger[other].passed or ledger[other].calibrated, (step, other)
                verdicts = list(Verdict) if step.action is Action.LOOK else [Verdict.GOOD, Verdict.GOOD, Verdict.BAD]
                found = {target: Finding(draw.choice(verdicts), "at random") for target in step.targets}
        except StopIteration:
            pass
        for node in graph.nodes():
            hangs = [other for other in (node, *graph.above([node])) if ledger[other].failed]
            assert ledger.fresh(graph, node) or hangs, node
