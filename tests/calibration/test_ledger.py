from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from qpu_bridge.errors import SettingsError
from qpu_calibration.graph import Graph, Node
from qpu_calibration.ledger import EXPECTED_DRIFT, MOST_GROWTH, Ledger, Moment
from tests.calibration.fake import graph_of

START = datetime(2026, 11, 21, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = Moment(utc=START, device_ns=10**9)

    def __call__(self) -> Moment:
        return self.now

    def go(self, hours: float, device_hours: float | None = None) -> None:
        ahead = None if device_hours is None else round(self.now.device_ns + device_hours * 3.6e12)
        self.now = Moment(utc=self.now.utc + timedelta(hours=hours), device_ns=ahead)


@pytest.fixture
def graph() -> Graph:
    return graph_of({"a": ("qubit", (), ("c",)), "b": ("qubit", ("a",), ()), "c": ("coupler", ("b",), ())}, 2, [(0, 1)])


A, B, C = Node("a", (0,)), Node("b", (0,)), Node("c", (0, 1))


def test_time_runs_out_on_the_device_clock(graph):
    clock = Clock()
    ledger = Ledger(clock=clock)
    ledger.calibrated(graph, A)
    clock.go(hours=0.1, device_hours=23.9)
    assert ledger.fresh(graph, A)
    clock.go(hours=0.1, device_hours=0.2)
    assert not ledger.fresh(graph, A)
    ledger.passed(A)
    assert ledger.fresh(graph, A)


@pytest.mark.parametrize("device_hours", [None, -1e-4])
def test_where_the_device_does_not_say_or_was_switched_off_the_machine_counts(graph, device_hours):
    clock = Clock()
    ledger = Ledger(clock=clock)
    ledger.calibrated(graph, A)
    clock.go(23.0, device_hours)
    assert ledger.fresh(graph, A)
    clock.go(1.1, None)
    assert not ledger.fresh(graph, A)


def test_a_clock_that_has_started_again_counts_no_more_for_what_was_before(graph, tmp_path):
    clock = Clock()
    clock.go(1.0, 1.0)
    ledger = Ledger(tmp_path / "ledger.json", clock)
    ledger.calibrated(graph, A)
    clock.go(0.1, -1.0)
    assert ledger.fresh(graph, A)
    ledger.write()
    ledger = Ledger(tmp_path / "ledger.json", clock)
    # by the device's clock it passed an hour ago
    clock.go(30.0, 2.0)
    assert not ledger.fresh(graph, A)
    ledger.passed(A)
    clock.go(0.1, 23.9)
    assert ledger.fresh(graph, A)
    # somebody else heard it start again
    ledger.restarted()
    clock.go(0.1, 0.2)
    assert ledger.fresh(graph, A)


def test_what_drifts_is_looked_at_sooner_and_what_stands_still_later_again(graph):
    clock = Clock()
    ledger = Ledger(clock=clock)
    ledger.calibrated(graph, A)
    holds = []
    # it goes off, is left there, moves further, is where the error of looks explains it, jumps; early looks at what stands still
    for hours, deviation, error in [
        (24, 1.2 * EXPECTED_DRIFT, 0),
        (17, 1.2 * EXPECTED_DRIFT, 0),
        (20, 2.4 * EXPECTED_DRIFT, 0),
        (14, 2.6 * EXPECTED_DRIFT, 0.3 * EXPECTED_DRIFT),
        (17, 9, 0),
        (1, 9, 0),
        (3, 9, 0),
        (5, 9, 0),
    ]:
        clock.go(hours, hours)
        ledger.note_deviation(graph, A, deviation, error)
        ledger.passed(A)
        holds.append(round(ledger.rest_h(graph), 2))
    assert holds == pytest.approx([16.67, 18.33, 13.89, 15.28, 7.64, 7.64, 7.64, 8.40], abs=0.01)
    # never beyond the routine's own
    for _ in range(20):
        clock.go(24, 24)
        ledger.note_deviation(graph, A, 0.0, 0.0)
        ledger.passed(A)
    assert ledger.rest_h(graph) == 24


def test_what_brings_back_drift_is_first_looked_at_early(graph):
    clock = Clock()
    ledger = Ledger(clock=clock)
    graph.routines["a"].restores = True
    for node in (A, B):
        ledger.calibrated(graph, node)
    assert (ledger.left_h(graph, A), ledger.left_h(graph, B)) == (6, 24)
    clock.go(6, 6)
    ledger.note_deviation(graph, A, 0.0, 0.0)
    ledger.passed(A)
    # then by what was seen, also after the next calibration
    assert ledger.left_h(graph, A) == pytest.approx(6 * MOST_GROWTH)
    ledger.calibrated(graph, A)
    assert ledger.left_h(graph, A) == pytest.approx(6 * MOST_GROWTH)


def test_what_was_doubted_for_another_reason_has_not_drifted(graph):
    clock = Clock()
    ledger = Ledger(clock=clock)
    ledger.calibrated(graph, A)
    clock.go(24.0, 24.0)
    ledger.doubt()
    ledger.note_deviation(graph, A, 9.0, 0.0)
    ledger.passed(A)
    assert ledger.rest_h(graph) == 24


def test_a_tool_that_is_brought_back_leaves_what_was_measured_with_it(graph):
    ledger = Ledger(clock=Clock())
    for restores, found in [(True, True), (True, False), (False, True)]:
        graph.routines["a"].restores = restores
        for node in (A, B):
            ledger.passed(node)
        if found:
            ledger.drifted(A)
        else:
            ledger.doubt([A])
        ledger.calibrated(graph, A)
        assert ledger.fresh(graph, A)
        assert ledger.fresh(graph, B) == (restores and found)


def test_what_something_above_was_calibrated_since_is_stale(graph):
    ledger = Ledger(clock=Clock())
    for node in (A, B):
        ledger.calibrated(graph, node)
    ledger.passed(A)
    assert ledger.fresh(graph, B)
    ledger.calibrated(graph, A)
    assert not ledger.fresh(graph, B)


def test_spoiled_on_every_coupler_of_the_qubit(graph):
    ledger = Ledger(clock=Clock())
    for node in (A, B, Node("a", (1,)), Node("b", (1,)), C):
        ledger.calibrated(graph, node)
    assert ledger.fresh(graph, C)
    ledger.calibrated(graph, Node("a", (1,)))
    assert ledger[C].invalid


def test_a_pass_ends_a_drift(graph):
    ledger, node = Ledger(), graph.nodes()[0]
    ledger.drifted(node)
    assert ledger[node].drifted
    ledger.passed(node)
    assert not ledger[node].drifted


def test_what_could_not_be_read_again_is_not_noted(graph):
    ledger, node = Ledger(), graph.nodes()[0]
    with pytest.raises(ValueError, match="deviation_error"):
        ledger.note_deviation(graph, node, 0.5, -0.1)
    assert ledger[node].deviation == 0


def test_it_is_a_file(graph, tmp_path):
    path = tmp_path / "device" / "ledger.json"
    ledger = Ledger(path, Clock())
    ledger.calibrated(graph, A, complaint="it is odd")
    ledger.failed(B, "no fit")
    ledger.calibration_id, ledger.flagged = "dev-12", {(0,): "b: no fit"}
    ledger.write()
    again = Ledger(path, Clock())
    assert {node: again[node] for node in again.nodes()} == {node: ledger[node] for node in ledger.nodes()}
    assert (again.events, again.calibration_id, again.flagged) == (2, "dev-12", {(0,): "b: no fit"})
    assert again.fresh(graph, A)
    again.doubt()
    assert not again.fresh(graph, A)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "events": 1, "calibration_id": "", "flagged": [{}]}'])
def test_a_file_that_is_not_one(tmp_path, text):
    path = tmp_path / "ledger.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="ledger of a device's calibration"):
        Ledger(path)
