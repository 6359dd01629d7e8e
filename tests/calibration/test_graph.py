"""Which nodes a graph has, and what they need."""

from __future__ import annotations

import pytest

from qpu_bridge.errors import SettingsError
from qpu_calibration.graph import Node
from qpu_calibration.plan import Kind
from tests.calibration.fake import CHAIN, PAIRS, graph_of


def test_couplers_need_both_ends_and_qubits_all_their_couplers():
    graph = graph_of({"a": ("qubit", (), ()), "b": ("coupler", ("a",), ()), "c": ("qubit", ("b",), ())}, 3, PAIRS)
    assert graph.order == ("a", "b", "c")
    assert graph.needs(Node("b", (1, 2))) == (Node("a", (1,)), Node("a", (2,)))
    assert graph.needs(Node("c", (1,))) == (Node("b", (0, 1)), Node("b", (1, 2)))
    assert graph.kind("b") is Kind.COUPLER
    assert [node.target for node in graph.above([Node("c", (0,))])] == [(0,), (1,), (0, 1)]
    # asked again, and of nodes that need one another: without these
    for asked in (["c"], ["b", "c"], ["c"]):
        nodes = [Node(name, (0, 1) if name == "b" else (0,)) for name in asked]
        left = [Node("a", (0,)), Node("a", (1,)), *([] if "b" in asked else [Node("b", (0, 1))])]
        assert graph.above(nodes) == left


def test_what_is_asked_for():
    graph = graph_of(CHAIN, 3, PAIRS)
    assert graph.nodes("rabi", [0, 2]) == [Node("rabi", (0,)), Node("rabi", (2,))]
    assert {node.target for node in graph.nodes(None, [0, 1])} == {(0,), (1,), (0, 1)}
    assert {node.routine for node in graph.nodes(None, None, [(2, 1)])} == {"cz", "rzz"}
    for wrong in ({"name": "rabbi"}, {"qubits": [7]}, {"couplers": [(0, 2)]}):
        with pytest.raises(SettingsError):
            graph.nodes(**wrong)


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        ({"a": ("qubit", ("b",), ())}, "installed"),
        ({"a": ("qubit", ("b",), ()), "b": ("qubit", ("a",), ())}, "itself"),
        ({"a": ("qubit", (), ("b",)), "b": ("qubit", (), ())}, "must depend on it"),
    ],
)
def test_plans_that_make_no_sense(plan, word):
    with pytest.raises(SettingsError, match=word):
        graph_of(plan, 1, ())
