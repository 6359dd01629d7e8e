from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.execution.lookahead import Lookahead


@given(most=st.integers(0, 3), count=st.integers(0, 6), fails=st.booleans(), looks=st.lists(st.booleans(), min_size=8))
def test_items_keep_their_order_however_early_they_are_looked_at(most: int, count: int, fails: bool, looks: list[bool]) -> None:
    def source() -> Iterator[int]:
        yield from range(count)
        if fails:
            raise ValueError("the last of all")

    items = Lookahead(source(), most)
    for turn in range(count):
        if looks[turn]:
            # what waits is given again
            for _ in range(2):
                assert list(items.look()) == list(range(turn, min(turn + most, count)))
        assert next(items) == turn
    assert not list(items.look())
    with pytest.raises(ValueError if fails else StopIteration):
        next(items)
