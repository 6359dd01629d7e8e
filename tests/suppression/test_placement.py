from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.suppression.placement import place

PULSE = 32


@given(
    units=st.integers(1, 3000),
    pulses=st.sampled_from([2, 4]),
    alignment=st.sampled_from([1, 4, 8]),
    extra=st.sampled_from(["middle", "edges"]),
)
def test_sequences_are_their_own_mirror_image(units, pulses, alignment, extra) -> None:
    length = units * alignment
    starts, fits = place(np.array([length]), np.array([PULSE]), pulses, alignment, extra)
    assert fits[0] == (length > pulses * PULSE)
    if not fits[0]:
        return
    row = starts[0]
    assert (row % alignment == 0).all()
    assert np.array_equal(row, (length - PULSE - row)[::-1]), "symmetric to the tick"
    gaps = np.diff(np.concatenate([[0], row, [length]])) - np.array([0, *[PULSE] * pulses])
    assert (gaps >= 0).all()
    spread = (length - pulses * PULSE) / pulses
    others = np.delete(gaps[1:-1], pulses // 2 - 1)
    assert (np.abs(others - spread) < alignment).all(), "intervals off the middle are even to one step"
    if extra == "middle":
        assert gaps[0] <= spread / 2 < gaps[0] + alignment
    else:
        assert gaps[0] >= spread / 2 - alignment
        assert gaps[pulses // 2] <= spread + alignment


@pytest.mark.parametrize(
    ("extra", "length", "starts"),
    [
        ("middle", 64 + 40, [10, 62]),
        ("middle", 64 + 43, [10, 65]),
        ("edges", 64 + 43, [11, 64]),
        ("edges", 64 + 42, [10, 64 + 42 - 32 - 10]),
    ],
)
def test_the_rest_goes_where_it_should(extra, length, starts) -> None:
    found, _ = place(np.array([length]), np.array([32]), 2, 1, extra)
    assert found[0].tolist() == starts
