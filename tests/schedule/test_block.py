from __future__ import annotations

import pytest

from qpu_bridge.schedule import Assign, Bits, Block, Branch, Constant, Repeat, Straight, While, children, duration_of, walk

TEN, ONE = Straight(0, 0, 10), Straight(0, 0, 1)
BIT = Bits((0,))


@pytest.mark.parametrize(
    ("body", "ticks"),
    [
        ((), 0),
        ((TEN, ONE), 11),
        ((TEN, Assign(0, Constant(1))), 10),
        ((Repeat(4, (TEN, ONE)),), 44),
        ((Branch(BIT, (TEN,), (Repeat(10, (ONE,)),)),), 10),
        ((Branch(BIT, (TEN,), (ONE,)),), None),
        ((Branch(BIT, (TEN,)), ONE), None),
        ((While(BIT, (TEN,), 3),), None),
        ((Straight(0, 0, 10, 0),), None),
        ((Repeat(4, (Straight(0, 0, 10, 0),)),), None),
    ],
)
def test_a_duration_is_known_where_it_does_not_depend_on_a_bit_or_a_slot(body: tuple[Block, ...], ticks: int | None) -> None:
    assert duration_of(body) == ticks


def test_walking_meets_outer_blocks_first() -> None:
    inner = Branch(BIT, (TEN,), (ONE,))
    loop = Repeat(2, (inner,))
    assert list(walk((loop, TEN))) == [loop, inner, TEN, ONE, TEN]
    assert children(inner) == ((TEN,), (ONE,))
    assert children(TEN) == ()
