from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.execution.lookahead import Lookahead


@given(most=st.integers(0, 3), count=st.integers(0, 6), fails=st.booleans(), turns=st.lists(st.booleans(), max_size=20))
def test_items_keep_their_order_however_early_they_are_looked_at(most: int, count: int, fails: bool, turns: list[bool]) -> None:
    def source() -> Iterator[int]:
        yield from range(count)
        if fails:
            raise ValueError("the last of all")

    items, looked, had = Lookahead(source(), most), list[int](), list[int]()
    for turn in turns:
        if turn and (item := items.look()) is not None:
            looked.append(item)
        elif not turn and len(had) < count:
            had.append(next(items))
        assert 0 <= items.waiting <= most
        assert len(looked) - items.waiting == len(set(looked) & set(had))
    had += [next(items) for _ in range(count - len(had))]
    assert had == list(range(count))
    assert looked == sorted(set(looked))
    assert items.look() is None
    with pytest.raises(ValueError if fails else StopIteration):
        next(items)
