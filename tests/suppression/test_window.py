from __future__ import annotations

import numpy as np

from qpu_bridge.lowering import OCCUPANCY
from qpu_bridge.schedule import Bits, Branch, Repeat, Straight
from qpu_bridge.suppression.window import NEVER, looped, windows


def test_windows_are_what_is_left_of_each_block() -> None:
    busy = np.array([(3, 0, 10, 20, 0), (3, 0, 50, 60, 1), (3, 2, 0, 5, 2), (7, 2, 5, 30, 0)], dtype=OCCUPANCY)
    blocks = [Straight(0, 0, 60), Straight(0, 0, 40), Straight(0, 0, 30)]
    found = windows(busy, blocks)
    rows = {tuple(int(w[name]) for name in ("qubit", "block", "start", "stop", "before", "after")) for w in found}
    assert rows == {
        (3, 0, 0, 10, NEVER, 0),
        (3, 0, 20, 50, 0, 1),
        (3, 1, 0, 40, 1, 2),
        (3, 2, 5, 30, 2, NEVER),
        (7, 0, 0, 60, NEVER, 0),
        (7, 1, 0, 40, NEVER, 0),
        (7, 2, 0, 5, NEVER, 0),
    }


def test_blocks_in_loops_come_again() -> None:
    one = Straight(0, 0, 1)
    body = (one, Repeat(2, (one, Branch(Bits((0,)), (one,), (one,)))), one)
    assert looped(body) == [False, True, True, True, False]
