"""Whole calibrations on emulated devices: what is broken is flagged with its reason, and nobody else suffers from it."""

from __future__ import annotations

from itertools import combinations

import pytest

from qpu_bridge.errors import Cancelled, ScheduleError
from qpu_bridge.target.configuration import configuration
from qpu_bridge.target.versions import Versions
from qpu_calibration.bench import Bench
from qpu_calibration.conduct import conduct
from qpu_calibration.crowd import Crowded
from qpu_calibration.decide import inspect, maintain
from qpu_calibration.edit import COLD, WARM, amplitude, with_amplitude, with_frequency, with_t1
from qpu_calibration.fit import bad, good
from qpu_calibration.flags import ROUTINE
from qpu_calibration.graph import Graph, Node
from qpu_calibration.ledger import Ledger
from qpu_calibration.log import log_lines
from qpu_calibration.plan import Kind
from qpu_calibration.routines.fine_amplitude import FineAmplitude
from qpu_calibration.routines.rabi import Rabi
from qpu_calibration.routines.ramsey import Ramsey
from qpu_calibration.routines.readout import Readout
from qpu_calibration.routines.t1 import T1
from qpu_calibration.step import Action, Verdict
from qpu_emulator import five
from qpu_emulator.chip.device import Device
from qpu_emulator.chip.wander import Defect
from qpu_emulator.fault import Fault

NEAR = {frozenset(pair) for pair in [(0, 1), (1, 2), (2, 3), (3, 4)]}


class Alone(Readout):
    depends_on = ()
    invalidates = ()


class Fringe(Ramsey):
    depends_on = ("readout",)


class Life(T1):
    depends_on = ("ramsey",)


class Joined(T1):
    """A routine of couplers that fails on one of them."""

    name = "joined"
    kind = Kind.COUPLER
    depends_on = ("ramsey",)
    broken = (2, 3)

    def axes(self, snapshot, targets, settings):
        return super().axes(snapshot, [(0,)], settings)

    def fit_one(self, data):
        return bad("its phase does not turn") if data["coupler"] == "2_3" else good(phase=(0.1, 0.01, "rad"))

    def update(self, snapshot, fit):
        return snapshot

    def complaint(self, snapshot, fit):
        return ""

    remark = complaint

    def deviation(self, snapshot, fit):
        return 0.0


@pytest.fixture
def graph() -> Graph:
    routines = {one.name: one for one in (Alone(), Fringe(), Life(), Joined())}
    return Graph(routines, range(5), [(0, 1), (1, 2), (2, 3), (3, 4)])


def kept(lab, tmp_path, truth: Device | None = None) -> Bench:
    known = lab(truth).bench
    return Bench(known.execution, known.snapshot, Versions(tmp_path / "store"), seed=known.seed, operator="ada", figures=False)


def at_most(tones: int, monkeypatch) -> None:
    """A device that can calibrate so many targets side by side."""
    calibrating = Bench.calibrating

    def narrow(self, routine, targets, settings=None):
        if len(targets) > tones:
            raise Crowded(f"the line must carry at most {tones} tones", given=len(targets))
        return calibrating(self, routine, targets, settings)

    monkeypatch.setattr(Bench, "calibrating", narrow)


def test_neighbours_are_measured_one_after_the_other_and_a_broken_coupler_is_flagged(lab, tmp_path, graph):
    bench, ledger = kept(lab, tmp_path), Ledger(tmp_path / "ledger.json")
    entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes())))
    for entry in entries:
        for first, second in combinations(entry.findings, 2):
            assert not any(frozenset((a, b)) in NEAR or a == b for a in first for b in second)
        assert entry.shots > 0
        assert entry.device_s > 0
    assert ledger.flagged == {(2, 3): "joined: its phase does not turn"}
    flagged = [gate.qubits for gate in bench.snapshot.gates if not gate.operational]
    assert set(flagged) == {(2, 3)}
    newest = next(one for one in bench.versions.history() if one.routine == ROUTINE)
    assert newest.targets == ((2, 3),)
    assert newest.reason == "coupler 2-3 is not operational: joined: its phase does not turn"
    # what was broken is tried again, and given back when it is well
    graph.routines["joined"].fit_one = lambda data: good(phase=(0.1, 0.01, "rad"))
    again = Ledger(tmp_path / "ledger.json")
    (entry,) = conduct(bench, graph, again, maintain(graph, again, graph.nodes()))
    assert list(entry.findings) == [(2, 3)]
    assert all(gate.operational for gate in bench.snapshot.gates)
    assert bench.versions.history()[0].reason == "coupler 2-3 is operational again"
    assert again.flagged == {}


def test_a_dead_qubit_and_one_beside_a_two_level_system(lab, tmp_path, graph):
    truth = Fault(kind="dead_qubit", qubit=1).change(five.device())
    eaten = truth.transmons[4].model_copy(update={"defects": (Defect(relaxation=2e5, near_hours=1e9, near=True),)})
    truth = truth.model_copy(update={"transmons": (*truth.transmons[:4], eaten)})
    bench, ledger = kept(lab, tmp_path, truth), Ledger()
    rounds = conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes()))
    while next(rounds).routine != "ramsey":
        pass
    # users are told while the round goes on
    assert not bench.snapshot.qubits[1].operational
    list(rounds)
    assert [qubit.operational for qubit in bench.snapshot.qubits] == [True, False, True, True, False]
    assert ledger.flagged[1,].startswith("readout: ")
    assert "below 20% of the others' median" in ledger.flagged[4,]
    # nothing was asked of what hangs on the dead one, and its neighbours are well
    assert ledger[Node("ramsey", (1,))].calibrated == 0
    assert all(ledger.fresh(graph, Node("t1", (q,))) for q in (0, 2, 3))


def test_a_round_that_is_left_early_has_flagged_what_it_found(lab, tmp_path, graph):
    bench, ledger = kept(lab, tmp_path, Fault(kind="dead_qubit", qubit=1).change(five.device())), Ledger()
    rounds = conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes()))
    while (1,) not in next(rounds).findings:
        pass
    rounds.close()
    assert list(ledger.flagged) == [(1,)]
    assert not bench.versions.current().qubits[1].operational


def test_a_qubit_that_is_given_back_is_as_good_as_it_was(lab, tmp_path):
    """It was dead when somebody asked for a rough routine, which is all that is asked for again."""
    well, known = five.device(), five.snapshot()
    ledger = Ledger(tmp_path / "ledger.json")
    for truth in (Fault(kind="dead_qubit", qubit=2).change(well), well):
        bench = kept(lab, tmp_path, truth)
        graph = Graph.of(bench.snapshot)
        list(conduct(bench, graph, ledger, maintain(graph, ledger, graph.nodes("rabi", [2]))))
        assert bench.snapshot.qubits[2].operational is (truth is well)
    assert bench.snapshot.qubits[2].frequency == pytest.approx(known.qubits[2].frequency, abs=1e3)
    for name in ("x", "sx"):
        assert amplitude(bench.snapshot, 2, name) == pytest.approx(amplitude(known, 2, name), rel=2e-3)
    before, after = known.measure(2), bench.snapshot.measure(2)
    assert after.prob_meas0_prep1 + after.prob_meas1_prep0 < 1.2 * (before.prob_meas0_prep1 + before.prob_meas1_prep0)


class Rough(Rabi):
    """Two percent off."""

    def update(self, snapshot, fit):
        return with_amplitude(snapshot, fit.qubit, "x", 1.02 * fit["pi_amplitude"])


def test_of_a_group_that_was_parted_the_first_half_is_not_left_with_rough_numbers(lab, tmp_path, monkeypatch):
    bench, path = kept(lab, tmp_path), tmp_path / "ledger.json"
    graph = Graph.of(bench.snapshot)
    graph.routines["rabi"] = Rough()
    before, nodes = bench.snapshot, graph.nodes("rabi", [0, 2])
    at_most(1, monkeypatch)
    bench.told = lambda routine, targets, done, of: setattr(bench, "cancelled", lambda: tuple(targets) == ((2,),))
    ledger = Ledger(path)
    with pytest.raises(Cancelled):
        list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes, force=True, trust=True)))
    assert bench.versions.current() == bench.snapshot == before
    assert not any(Ledger(path)[node].calibrated for node in nodes)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("often", [1, 9])
def test_a_version_that_cannot_be_written_leaves_numbers_and_ledger_that_agree(lab, tmp_path, monkeypatch, error, often):
    bench, path = kept(lab, tmp_path), tmp_path / "ledger.json"
    graph = Graph.of(bench.snapshot)
    right = amplitude(bench.snapshot, 2, "x")
    bench.snapshot = bench.versions.commit(
        with_amplitude(bench.snapshot, 2, "x", 1.01 * right), routine="design", parent=bench.snapshot.calibration_id
    )
    ledger, commit, tries = Ledger(path), Versions.commit, []

    def failing(self, *args, **kwargs):
        tries.append(args)
        if len(tries) <= often:
            raise error
        return commit(self, *args, **kwargs)

    monkeypatch.setattr(Versions, "commit", failing)
    node = Node("fine_amplitude", (2,))
    with pytest.raises(type(error)):
        list(conduct(bench, graph, ledger, maintain(graph, ledger, [node], force=True, trust=True)))
    known, used = Ledger(path), bench.versions.current()
    assert bench.snapshot == used
    assert bench.drafts == []
    taken = used.calibration_id == known.calibration_id and known[node].calibrated > 0
    assert taken is (amplitude(used, 2, "x") == pytest.approx(right, rel=2e-3))


class Silent(FineAmplitude):
    """May not be played for now."""

    def axes(self, snapshot, targets, settings):
        raise ScheduleError("a pulse must be within its line")


def in_use(bench: Bench) -> float:
    return amplitude(bench.versions.current(), 2, "x")


def test_users_have_the_fine_number_until_it_is_found_again(lab, tmp_path):
    bench, path = kept(lab, tmp_path), tmp_path / "ledger.json"
    graph = Graph.of(bench.snapshot)
    graph.routines["rabi"] = Rough()
    before, nodes = bench.snapshot, graph.nodes("rabi", [2])
    for stopped in ("between the two", "in the middle of the second"):
        ledger = Ledger(path)
        rounds = conduct(bench, graph, ledger, maintain(graph, ledger, nodes, force=True, trust=True))
        while next(rounds).action is not Action.CALIBRATE:
            pass
        assert amplitude(bench.snapshot, 2, "x") == pytest.approx(1.02 * amplitude(before, 2, "x"), rel=5e-3)
        if stopped == "between the two":
            rounds.close()
        else:
            bench.cancelled = lambda: True
            with pytest.raises(Cancelled):
                next(rounds)
            bench.cancelled = None
        assert bench.versions.current() == bench.snapshot == before
        assert Ledger(path)[nodes[0]].calibrated == ledger[nodes[0]].calibrated == 0
    ledger = Ledger(path)
    for _ in conduct(bench, graph, ledger, maintain(graph, ledger, nodes, force=True, trust=True)):
        assert in_use(bench) == pytest.approx(amplitude(before, 2, "x"), rel=3e-3)
    (newest, first) = bench.versions.history()
    assert (newest.routine, newest.parent, newest.targets) == ("rabi, fine_amplitude", first.calibration_id, ((2,),))
    assert [set(fit["parameters"]) & {"pi_amplitude", "x_error"} for fit in newest.fits] == [{"pi_amplitude"}, {"x_error"}]


def test_a_number_that_stays_rough_is_kept_from_users(lab, tmp_path):
    bench, ledger = kept(lab, tmp_path), Ledger()
    graph = Graph.of(bench.snapshot)
    graph.routines["rabi"], fine = Rough(), graph.routines["fine_amplitude"]
    graph.routines["fine_amplitude"] = Silent()
    nodes = graph.nodes("rabi", [2])
    list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes, force=True, trust=True)))
    assert "rougher numbers" in ledger.flagged[2,]
    assert not bench.versions.current().qubits[2].operational
    graph.routines["fine_amplitude"] = fine
    list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes, trust=True)))
    assert ledger.flagged == {}
    assert bench.versions.current().qubits[2].operational
    assert in_use(bench) == pytest.approx(amplitude(five.snapshot(), 2, "x"), rel=3e-3)


def test_qubits_that_live_longer_than_hoped_are_waited_for(lab, tmp_path, graph):
    """Shots that began warm made readouts look worse than they are: these are looked at again, and users wait longer too."""
    known = five.snapshot()
    hasty = known.timing.model_copy(update={"passive_reset": 150e-6, "default_rep_delay": 160e-6})
    hoped = tuple(qubit.model_copy(update={"t1": 18e-6, "t2": 18e-6}) for qubit in known.qubits)
    bench = kept(lab, tmp_path)
    bench.snapshot = bench.versions.commit(
        known.model_copy(update={"timing": hasty, "qubits": hoped}), routine="design", parent=known.calibration_id
    )
    ledger, nodes = Ledger(), [node for node in graph.nodes() if node.target in ((0,), (2,))]
    entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes)))
    longest = max(bench.snapshot.qubits[q].t1 for q in (0, 2))
    assert longest == pytest.approx(max(five.device().transmons[q].t1 for q in (0, 2)), rel=0.2)
    timing = bench.versions.current().timing
    # the rough pass, whose shots began warm, may take a T1 for a third longer; its wait is not kept
    assert WARM * longest <= timing.passive_reset <= 1.001 * COLD * longest
    assert timing.default_rep_delay - timing.passive_reset == pytest.approx(10e-6)
    assert configuration(bench.snapshot, bench.execution.capabilities)["default_rep_delay"] == timing.default_rep_delay * 1e6
    *_, raised = (one for one in bench.versions.history() if bench.versions.open(one.calibration_id).timing == timing)
    assert raised.routine == "t1"
    assert raised.fits[0]["parameters"]["t1"]["value"] == pytest.approx(longest, rel=0.2)
    # once more from the start: what had been read from warm qubits is found to be off
    first = [entry.routine for entry in entries].index("t1")
    assert ("readout", Verdict.MENDED) in [(e.routine, one.verdict) for e in entries[first:] for one in e.findings.values()]
    for qubit in (0, 2):
        before, after = known.measure(qubit), bench.snapshot.measure(qubit)
        # of those that began warm, a percent and more
        assert after.prob_meas1_prep0 < before.prob_meas1_prep0 + 5e-3
    assert all(ledger.fresh(graph, node) for node in nodes)
    # it comes down by a person only
    assert with_t1(bench.snapshot, 0, 5e-6).timing == timing


def test_it_is_said_where_the_machine_may_not_wait_for_long_enough(lab, tmp_path, graph):
    known = five.snapshot()
    most = 3 * known.qubits[0].t1
    hasty = known.timing.model_copy(update=dict.fromkeys(("max_rep_delay", "default_rep_delay", "passive_reset"), most))
    bench, node = kept(lab, tmp_path), Node("t1", (0,))
    bench.snapshot = known.model_copy(update={"timing": hasty})
    for steps in (maintain(graph, Ledger(), [node], force=True), inspect(graph, Ledger(), [node])):
        *_, entry = conduct(bench, graph, Ledger(), steps)
        line = list(log_lines(entry))[-1]
        print(line)
        assert "max_rep_delay" in line
        assert "is left at the next shot" in line


def test_only_what_drifted_is_repaired(lab, tmp_path, graph):
    bench, ledger = kept(lab, tmp_path), Ledger()
    nodes = [node for node in graph.nodes() if graph.kind(node.routine) is Kind.QUBIT]
    list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes, trust=True)))
    f01 = bench.snapshot.qubits[2].frequency
    # somebody else's version is not trusted
    wrong = bench.versions.commit(
        with_frequency(bench.snapshot, 2, f01 + 40e3), routine="by hand", parent=bench.snapshot.calibration_id
    )
    bench.snapshot = wrong
    entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes)))
    mended = [(entry.routine, t) for entry in entries for t, one in entry.findings.items() if one.verdict is Verdict.MENDED]
    assert mended == [("ramsey", (2,))]
    newest = bench.versions.history()[0]
    assert (newest.routine, newest.targets, len(newest.fits)) == ("ramsey", ((2,),), 1)
    assert not [entry for entry in entries if entry.action is Action.CALIBRATE]
    error = newest.fits[0]["parameters"]["f01"]["error"]
    assert error < 2e3
    assert bench.snapshot.qubits[2].frequency == pytest.approx(f01, abs=4 * error)


@pytest.mark.parametrize("why", ["blurred", "no error stated", "cannot be taken over"])
def test_what_a_look_does_not_tell_well_enough_is_calibrated(lab, tmp_path, graph, why):
    class Doubtful(Fringe):
        def fit_one(self, data):
            found = yield from super().fit_one(data)
            return found.model_copy(update={"series": {"curve": (1.0,)}}) if why == "no error stated" else found

        def deviation_error(self, snapshot, fit):
            if why == "cannot be taken over":
                raise ScheduleError("a carrier must be within its line")
            return 2.0 if why == "blurred" else super().deviation_error(snapshot, fit)

    graph.routines["ramsey"] = Doubtful()
    bench, ledger = kept(lab, tmp_path), Ledger()
    f01 = bench.snapshot.qubits[2].frequency
    bench.snapshot = with_frequency(bench.snapshot, 2, f01 + 40e3)
    nodes = [Node("ramsey", (2,))]
    entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes, trust=True)))
    done = [(one.routine, one.action, one.findings[2,].verdict) for one in entries]
    assert done[1:] == [("ramsey", Action.LOOK, Verdict.OFF), ("ramsey", Action.CALIBRATE, Verdict.GOOD)]
    assert bench.snapshot.qubits[2].frequency == pytest.approx(f01, abs=2e3)


def test_a_look_at_all_changes_nothing_and_says_how_far_off(lab, tmp_path, graph):
    bench, ledger = kept(lab, tmp_path), Ledger()
    bench.snapshot = with_frequency(bench.snapshot, 0, bench.snapshot.qubits[0].frequency + 30e3)
    before = bench.snapshot
    (entry,) = conduct(bench, graph, ledger, inspect(graph, ledger, [Node("ramsey", (0,)), Node("ramsey", (2,))]))
    assert {target: one.verdict for target, one in entry.findings.items()} == {(0,): Verdict.OFF, (2,): Verdict.GOOD}
    assert entry.deviations[0,] == pytest.approx(3, abs=0.3)
    assert bench.snapshot is before
    assert not ledger.fresh(graph, Node("ramsey", (0,)))


def test_an_interruption_of_the_last_step_is_heard_and_what_was_done_counts(lab, tmp_path, graph):
    bench, ledger = kept(lab, tmp_path), Ledger(tmp_path / "ledger.json")
    nodes = [Node("readout", (0,)), Node("readout", (1,))]
    bench.told = lambda routine, targets, done, of: setattr(bench, "cancelled", lambda: tuple(targets) == ((1,),))
    with pytest.raises(Cancelled):
        list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes)))
    known = Ledger(tmp_path / "ledger.json")
    assert [known.fresh(graph, node) for node in nodes] == [True, False]


def test_too_many_for_one_schedule_are_parted(lab, tmp_path, graph, monkeypatch):
    bench, ledger = kept(lab, tmp_path), Ledger()
    at_most(2, monkeypatch)
    nodes = [Node("readout", (q,)) for q in (0, 2, 4)]
    entries = list(conduct(bench, graph, ledger, maintain(graph, ledger, nodes)))
    assert sorted(len(entry.findings) for entry in entries) == [1, 2]
    assert all(ledger.fresh(graph, node) for node in nodes)
