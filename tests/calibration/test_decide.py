"""The graph's decisions, on a fake bench: a device of hidden states, and steps that see or repair them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from qpu_calibration.decide import inspect, maintain
from qpu_calibration.flags import UNSTEADY, complaints
from qpu_calibration.graph import Graph, Node
from qpu_calibration.ledger import Ledger, Moment
from qpu_calibration.plan import Kind
from qpu_calibration.step import Action, Finding, Step, Steps, Verdict
from tests.calibration.fake import CHAIN, PAIRS, Fake, calibrated, graph_of, in_a_row


def strand_of(steps: Steps, fake: Fake) -> Iterator[Step]:
    """The steps of a strand, each done after it was looked at."""
    with suppress(StopIteration):
        step = next(steps)
        while True:
            yield step
            step = steps.send({target: fake.do(step, target) for target in step.targets})


@pytest.fixture
def graph() -> Graph:
    return graph_of(CHAIN, 3, PAIRS)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_a_new_device_is_calibrated_once_and_in_order(graph, ledger):
    fake = Fake(graph, wrong=set(graph.nodes()))
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert not fake.wrong
    assert fake.did(Action.LOOK) == []
    done = fake.did(Action.CALIBRATE)
    assert sorted(done) == sorted(graph.nodes())
    assert all(done.index(other) < done.index(node) for node in done for other in graph.needs(node))


def test_qubits_that_are_apart_go_side_by_side_and_strands_do_not_wait_for_one_another(graph, ledger):
    fake = Fake(graph, wrong=set(graph.nodes()))
    stages = maintain(graph, ledger, graph.nodes())
    ends, neighbour = next(stages)
    for strand, targets in ((neighbour, ((1,),)), (ends, ((0,), (2,)))):
        # one of them goes all the way before the other begins
        asked = []
        for step in strand_of(strand, fake):
            assert step.targets == targets
            asked.append(step.routine)
        assert asked == [name for name in graph.order if graph.kind(name) is Kind.QUBIT]
    fake.done.clear()
    fake.play(stages)
    assert sorted(node for _, node in fake.done) == sorted(graph.nodes("cz") + graph.nodes("rzz"))


def test_looks_at_qubits_that_are_apart_share_schedules_whoever_else_is_looked_at(ledger):
    graph = graph_of(CHAIN, 4, [(0, 1), (1, 2), (2, 3)])
    fake = calibrated(graph, ledger)
    ledger.doubt([Node("fine", (0,)), Node("fine", (3,)), *graph.nodes("t1")])
    (strand,) = next(maintain(graph, ledger, graph.nodes()))
    every = ((0,), (1,), (2,), (3,))
    assert [(step.routine, step.targets) for step in strand_of(strand, fake)] == [("fine", ((0,), (3,))), ("t1", every)]


@pytest.mark.parametrize("verdict", [Verdict.GOOD, Verdict.BAD])
def test_what_was_measured_while_all_was_unsettled_is_measured_again(graph, ledger, verdict):
    """The wait between shots grew while the other strand's measurement was under way, with the wait before."""
    stages = maintain(graph, ledger, graph.nodes("t1"))
    ends, neighbour = next(stages)
    fake = Fake(graph, wrong=set(graph.nodes()))
    step, late = next(ends), next(neighbour)
    while step.routine != "t1":
        step = ends.send({target: fake.do(step, target) for target in step.targets})
    # the neighbour was asked for its first step, which comes back after that
    with suppress(StopIteration):
        ends.send({target: replace(fake.do(step, target), affects_all=True) for target in step.targets})
    found = {target: replace(fake.do(late, target), verdict=verdict) for target in late.targets}
    with suppress(StopIteration):
        late = neighbour.send(found)
        assert not ledger.fresh(graph, Node("spectroscopy", (1,)))
        fake.done.clear()
        while True:
            late = neighbour.send({target: fake.do(late, target) for target in late.targets})
    fake.play(stages)
    assert Node("spectroscopy", (1,)) in [node for _, node in fake.done]
    assert all(ledger.fresh(graph, node) for node in graph.nodes("t1"))


def test_what_needs_couplers_or_more_distance_waits_for_the_rest(graph, ledger):
    graph.routines["t1"].apart = 0
    fake = Fake(graph, wrong=set(graph.nodes()))
    asked = {step.routine for strand in next(maintain(graph, ledger, graph.nodes())) for step in strand_of(strand, fake)}
    assert asked == {"spectroscopy", "rabi", "kernel", "readout", "ramsey", "fine"}


def test_nothing_is_done_where_all_is_fresh(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert fake.done == []


def test_one_node_brings_only_what_it_needs(graph, ledger):
    fake = Fake(graph)
    fake.play(maintain(graph, ledger, [Node("cz", (0, 1))]))
    assert {node.target for node in fake.did(Action.CALIBRATE)} == {(0,), (1,), (0, 1)}
    assert Node("t1", (0,)) not in fake.did(Action.CALIBRATE)


def test_what_drifted_a_little_is_repaired_alone_and_only_its_heirs_are_looked_at(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.wrong = {Node("ramsey", (1,))}
    ledger.doubt([Node("ramsey", (1,))])
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert fake.did(Action.CALIBRATE) == [Node("ramsey", (1,))]
    assert set(fake.did(Action.LOOK)) == {Node("ramsey", (1,)), Node("fine", (1,)), Node("cz", (0, 1)), Node("cz", (1, 2))}


def test_what_a_look_mends_is_not_calibrated_and_its_heirs_are_looked_at_unless_it_is_a_tool_that_was_restored(graph, ledger):
    fake, node = calibrated(graph, ledger), Node("fine", (1,))
    fake.sharp = {node}
    for restores, looks in ((True, {node}), (False, {node, Node("t1", (1,)), Node("cz", (0, 1)), Node("cz", (1, 2))})):
        graph.routines["fine"].restores = restores
        fake.done.clear()
        fake.wrong = {node}
        ledger.doubt([node])
        fake.play(maintain(graph, ledger, graph.nodes()))
        assert fake.did(Action.CALIBRATE) == []
        assert set(fake.did(Action.LOOK)) == looks
        assert not fake.wrong
    # what was far off was not measured with a tool that was only taken for right
    graph.routines["fine"].restores = True
    fake.done.clear()
    fake.wrong = fake.far = {node}
    ledger.doubt([node])
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert fake.did(Action.CALIBRATE) == [node]
    assert Node("t1", (1,)) in fake.did(Action.LOOK)


def test_what_was_mended_from_far_off_is_looked_at_again_until_it_is_sharp(graph, ledger):
    calibrated(graph, ledger)
    node = Node("fine", (1,))
    ledger.doubt([node])
    steps = in_a_row(maintain(graph, ledger, [node]))
    asked = [next(steps)]
    for error in (0.8, 0.5, 0.2):
        with suppress(StopIteration):
            asked.append(steps.send({(1,): Finding(Verdict.MENDED, deviation=2 * error, deviation_error=error)}))
    assert [(step.action, step.routine, step.targets) for step in asked] == [(Action.LOOK, "fine", ((1,),))] * 3
    assert ledger.fresh(graph, node)
    # once seen to be off, not three times
    assert ledger[node].unsteady == 1
    # what makes no sense then is calibrated
    ledger.doubt([node])
    steps = in_a_row(maintain(graph, ledger, [node]))
    next(steps)
    assert steps.send({(1,): Finding(Verdict.MENDED, deviation=2.0, deviation_error=0.8)}).action is Action.LOOK
    assert steps.send({(1,): Finding(Verdict.OFF, deviation=2.0, deviation_error=0.8)}).action is Action.CALIBRATE


def test_what_may_be_off_by_chance_is_looked_at_again(graph, ledger):
    calibrated(graph, ledger)
    node = Node("fine", (1,))
    for second, action in ((Finding(Verdict.GOOD), None), (Finding(Verdict.OFF, deviation=2.0), Action.CALIBRATE)):
        ledger.doubt([node])
        steps = in_a_row(maintain(graph, ledger, [node]))
        next(steps)
        assert steps.send({(1,): Finding(Verdict.OFF, deviation=1.1, deviation_error=1.4)}).action is Action.LOOK
        if action is None:
            with pytest.raises(StopIteration):
                steps.send({(1,): second})
            assert ledger.fresh(graph, node)
            assert ledger[node].unsteady == 0
        else:
            assert steps.send({(1,): second}).action is action


def test_what_is_seen_to_drift_may_be_mended_early(graph):
    now = Moment(utc=datetime(2026, 11, 21, tzinfo=UTC), device_ns=0)
    ledger = Ledger(clock=lambda: now)
    calibrated(graph, ledger)
    node = Node("fine", (1,))
    graph.routines["fine"].restores = True
    assert not ledger.drifts(graph, node)
    now = Moment(utc=now.utc, device_ns=round(6 * 3.6e12))
    ledger.note_deviation(graph, node, 5.0, 0.1)
    ledger.calibrated(graph, node)
    assert ledger.drifts(graph, node)
    ledger.doubt([node, Node("fine", (0,))])
    step = next(in_a_row(maintain(graph, ledger, graph.nodes("fine", [0, 1]))))
    assert (step.routine, step.targets, step.drifting) == ("fine", ((0,), (1,)), ((1,),))
    # and that says nothing against it
    ledger.drifted(node)
    ledger.calibrated(graph, node)
    assert ledger[node].unsteady == 1
    ledger.drifted(node, beyond=False)
    ledger.calibrated(graph, node)
    assert ledger[node].unsteady == 0


def test_a_look_that_shall_change_nothing_mends_nothing(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.wrong = fake.sharp = {Node("fine", (0,))}
    fake.play(inspect(graph, ledger, graph.nodes()))
    assert fake.wrong


def test_what_lasts_no_longer_is_looked_at_ahead_of_time(graph):
    now = Moment(utc=datetime(2026, 11, 21, tzinfo=UTC), device_ns=0)
    ledger = Ledger(clock=lambda: now)
    fake = calibrated(graph, ledger)
    now = Moment(utc=now.utc, device_ns=round(23.5 * 3.6e12))
    fake.play(maintain(graph, ledger, graph.nodes(), ahead_h=0.4))
    assert fake.done == []
    fake.play(maintain(graph, ledger, graph.nodes(), ahead_h=0.6))
    assert sorted(fake.did(Action.LOOK)) == sorted(graph.nodes())


def test_what_never_lasts_as_long_as_it_shall_is_looked_at_once(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.play(maintain(graph, ledger, graph.nodes(), ahead_h=25.0))
    assert sorted(fake.did(Action.LOOK)) == sorted(graph.nodes())


def test_data_that_cannot_be_understood_lead_back_to_what_is_wrong_and_no_further(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.wrong = {Node("kernel", (0,)), Node("readout", (0,))}
    ledger.doubt([Node("t1", (0,))])
    fake.play(maintain(graph, ledger, [Node("t1", (0,))]))
    looks, repairs = fake.did(Action.LOOK), fake.did(Action.CALIBRATE)
    assert not fake.wrong
    assert {node.target for node in looks} == {(0,)}
    # t1 sees it first, kernel is where it stops
    assert [node.routine for node in looks][:5] == ["t1", "fine", "ramsey", "readout", "kernel"]
    assert not {"rabi", "spectroscopy"} & {node.routine for node in [*repairs]}
    assert [node.routine for node in repairs][:2] == ["kernel", "readout"]


def test_what_was_made_worthless_is_made_again_without_a_look(graph, ledger):
    fake = calibrated(graph, ledger)
    ledger.doubt([Node("kernel", (2,))])
    fake.wrong = {Node("kernel", (2,))}
    fake.play(maintain(graph, ledger, [Node("ramsey", (2,))]))
    assert fake.did(Action.CALIBRATE) == [Node("kernel", (2,)), Node("readout", (2,))]
    assert Node("readout", (2,)) not in fake.did(Action.LOOK)


def test_a_dead_qubit_blocks_what_needs_it_and_nothing_else(graph, ledger):
    dead = Node("rabi", (1,))
    fake = Fake(graph, wrong=set(graph.nodes()), dead={dead})
    fake.play(maintain(graph, ledger, graph.nodes()))
    tried = set(fake.did(Action.CALIBRATE))
    assert ledger[dead].failed == "no fit"
    assert not {node for node in tried if dead in graph.above([node])}
    assert {node for node in tried if 1 not in node.target} == {node for node in graph.nodes() if 1 not in node.target}
    # the next time it is tried again, and nothing else is
    fake.done.clear()
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert set(fake.did(Action.CALIBRATE)) == {dead}
    # repaired, all that waited for it follows
    fake.dead.clear()
    fake.play(maintain(graph, ledger, graph.nodes()))
    assert not fake.wrong
    assert ledger[dead].failed == ""


def test_force_calibrates_what_is_asked_for_and_trusts_the_rest(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.play(maintain(graph, ledger, [Node("ramsey", (0,))], force=True))
    assert fake.done == [(Action.CALIBRATE, Node("ramsey", (0,)))]


@pytest.mark.parametrize("trust", [False, True])
def test_what_a_rough_calibration_spoils_is_found_again_though_nobody_asked_for_it(graph, ledger, trust):
    """Numbers of a snapshot that are all right, of which this ledger knows nothing."""
    fake = Fake(graph, wrong={Node("rabi", (0,))} if trust else set())
    fake.play(maintain(graph, ledger, [Node("rabi", (0,))], trust=trust))
    assert fake.did(Action.CALIBRATE)[-2:] == [Node("rabi", (0,)), Node("fine", (0,))]
    assert not fake.wrong
    assert {node.routine for node in fake.did(Action.CALIBRATE)} <= {"spectroscopy", "rabi", "fine"}


def test_what_was_spoilt_when_somebody_stopped_a_calibration_is_found_again_by_the_next(graph, ledger):
    fake, rabi, fine = Fake(graph), Node("rabi", (0,)), Node("fine", (0,))
    steps = in_a_row(maintain(graph, ledger, [rabi]))
    step = next(steps)
    while step.routine != "fine":
        step = steps.send({target: fake.do(step, target) for target in step.targets})
    steps.close()
    assert fake.wrong == {fine}
    fake.done.clear()
    fake.play(maintain(graph, ledger, [rabi]))
    assert fake.done == [(Action.CALIBRATE, fine)]


def test_trust_looks_first_at_numbers_that_came_from_elsewhere(graph, ledger):
    fake = Fake(graph, wrong={Node("ramsey", (0,))})
    fake.play(maintain(graph, ledger, graph.nodes(), trust=True))
    assert fake.did(Action.CALIBRATE) == [Node("ramsey", (0,))]
    assert set(fake.did(Action.LOOK)) == set(graph.nodes())


def test_a_number_that_does_not_hold_still_is_complained_about(graph, ledger):
    fake, node = calibrated(graph, ledger), Node("ramsey", (0,))

    def jump() -> None:
        fake.wrong = {node}
        ledger.doubt([node])
        fake.play(maintain(graph, ledger, [node]))

    for _ in range(UNSTEADY - 1):
        jump()
    assert complaints(graph, ledger) == {}
    jump()
    assert f"at each of the last {UNSTEADY} looks" in complaints(graph, ledger)[0,]
    # once it holds, all is well
    ledger.doubt([node])
    fake.play(maintain(graph, ledger, [node]))
    assert complaints(graph, ledger) == {}


def test_a_look_at_all_changes_nothing(graph, ledger):
    fake = calibrated(graph, ledger)
    fake.wrong = {Node("fine", (0,))}
    fake.play(inspect(graph, ledger, graph.nodes()))
    assert fake.did(Action.CALIBRATE) == []
    assert sorted(fake.did(Action.LOOK)) == sorted(graph.nodes())
    assert not ledger.fresh(graph, Node("fine", (0,)))
    assert ledger.fresh(graph, Node("ramsey", (0,)))
