from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpu_drivers.qblox.compile.arms import merge, starts


@st.composite
def ticks(draw: st.DrawFn) -> list[int]:
    """Starts of instructions that are 20 ns apart or more, as those of gates are."""
    gaps = draw(st.lists(st.integers(20, 200), max_size=6))
    first = draw(st.integers(0, 40))
    return [first + sum(gaps[:k]) for k in range(len(gaps))]


@settings(max_examples=100, deadline=None)
@given(ticks(), ticks(), st.integers(24, 100))
def test_whichever_arm_is_played_starts_at_its_ticks_and_ends_with_the_branch(one: list[int], two: list[int], tail: int) -> None:
    end = max([0, *one, *two]) + tail
    found = merge((one, two), end, 64)
    assert found is not None
    lead, steps = found
    assert all(4 <= step.length <= 65_535 for step in steps)
    for arm, wanted in enumerate((one, two)):
        assert list(starts(steps, lead, arm)) == list(enumerate(wanted))
        assert sum(step.length if step.arm == arm else 4 for step in steps) == lead + end


def test_a_single_arm_begins_with_the_branch() -> None:
    found = merge(([0], []), 32, 0)
    assert found is not None
    lead, steps = found
    assert (lead, [(step.arm, step.item, step.length) for step in steps]) == (0, [(0, 0, 28), (1, None, 28)])


@pytest.mark.parametrize("arms", [([0], [0]), ([0], [2]), ([1], [0]), ([0, 20, 40], [0, 20, 40]), ([0, 4, 8], [0])])
def test_arms_that_meet_need_a_few_ticks_before_the_branch(arms: tuple[list[int], list[int]]) -> None:
    assert merge(arms, 60, 0) is None
    found = merge(arms, 60, 16)
    assert found is not None
    assert 0 < found[0] <= 16
    for arm in (0, 1):
        assert [tick for _, tick in starts(found[1], found[0], arm)] == arms[arm]


def test_arms_that_are_too_dense_are_given_up() -> None:
    assert merge((list(range(0, 120, 4)), list(range(0, 120, 4))), 120, 64) is None
    assert merge(([0], [0]), 4, 64) is None


def test_a_long_wait_is_divided() -> None:
    for arms in (([0, 200_000], []), ([150_000], [0]), ([], [100_000])):
        found = merge(arms, 300_000, 0) or merge(arms, 300_000, 64)
        assert found is not None
        lead, steps = found
        for arm in (0, 1):
            assert [tick for _, tick in starts(steps, lead, arm)] == arms[arm]
            assert sum(step.length if step.arm == arm else 4 for step in steps) == lead + 300_000
