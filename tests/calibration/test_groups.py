from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.target import Snapshot
from qpu_calibration.graph import couplers
from qpu_calibration.groups import groups
from qpu_emulator import five
from qpu_emulator.makers import chip


def coupled(size: int, pairs: list[tuple[int, int]]) -> Snapshot:
    """Qubits of which only the couplings matter."""
    known = five.snapshot()
    qubits = tuple(known.qubits[0].model_copy(update={"index": k}) for k in range(size))
    gate = known.gate("cz", 0, 1)
    return known.model_copy(update={"qubits": qubits, "gates": tuple(gate.model_copy(update={"qubits": pair}) for pair in pairs)})


def distance(snapshot: Snapshot, first: tuple[int, ...], second: tuple[int, ...]) -> int:
    reach, steps = set(first), 0
    while reach.isdisjoint(second):
        wider = reach | {q for pair in couplers(snapshot) if reach & set(pair) for q in pair}
        if wider == reach:
            return 10**6
        reach, steps = wider, steps + 1
    return steps


@st.composite
def chips(draw: st.DrawFn) -> Snapshot:
    size = draw(st.integers(2, 9))
    pairs = draw(st.sets(st.sampled_from(list(combinations(range(size), 2))), max_size=14))
    return coupled(size, sorted(pairs))


@given(snapshot=chips(), apart=st.integers(0, 2))
def test_targets_of_a_group_keep_their_distance_and_all_are_there(snapshot, apart):
    for targets in ([(q.index,) for q in snapshot.qubits], list(couplers(snapshot))):
        found = groups(couplers(snapshot), targets, apart)
        assert sorted(target for group in found for target in group) == sorted(targets)
        for group in found:
            for first, second in combinations(group, 2):
                assert distance(snapshot, first, second) > apart


@pytest.mark.parametrize(
    ("design", "size", "qubits", "pairs"),
    [("line", 20, 2, 3), ("ring", 20, 2, 5), ("grid", 100, 2, 10), ("heavy-hex", 127, 2, 5)],
)
def test_few_groups_whatever_the_size(design, size, qubits, pairs):
    known = chip.random(design, size, "cz", 1)
    snapshot = coupled(len(known.qubits), list(known.couplings))
    assert len(groups(couplers(snapshot), [(q.index,) for q in snapshot.qubits])) == qubits
    assert len(groups(couplers(snapshot), couplers(snapshot))) <= pairs


def test_what_does_not_disturb_may_go_together():
    snapshot = coupled(3, [(0, 1), (1, 2)])
    assert groups(couplers(snapshot), [(0,), (1,), (2,)], apart=0) == [[(0,), (1,), (2,)]]
    assert len(groups(couplers(snapshot), [(0, 1), (1, 2)], apart=0)) == 2
    assert groups(couplers(snapshot), []) == []
