"""Envelopes in stored and held pieces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Waveform
from qpu_bridge.schedule.shapes import constant, drag, gaussian_square
from qpu_drivers.qblox.compile.pulse import HELD, TAIL, Piece, pieces


def anywhere(sample: int) -> bool:
    return True


def apart(busy: set[int]) -> Callable[[int], bool]:
    return lambda sample: all(abs(sample - other) >= 4 for other in busy)


def played(found: list[Piece], duration: int) -> NDArray[np.complex128]:
    """What the converters hold: stored samples beside the level, until the next piece."""
    signal = np.zeros(duration, complex)
    for piece in found:
        if piece.held:
            signal[piece.first :] = piece.samples[0]
        else:
            signal[piece.first :] = 0
            signal[piece.first : piece.first + len(piece.samples)] = piece.samples
    return signal


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.sampled_from([1, 2, 5, 30, 70, 200, 501])), min_size=1, max_size=6),
    st.sets(st.integers(0, 600), max_size=3),
    st.booleans(),
)
def test_the_pieces_are_the_envelope(runs: list[tuple[int, int]], busy: set[int], end_free: bool) -> None:
    waveform = Waveform(np.array([level / 10 + 0.05j for level, _ in runs]), np.array([n for _, n in runs]))
    assume(waveform.duration >= 8)
    try:
        found = pieces(waveform, apart(busy), end_free, "here")
    except ScheduleError:
        assert busy or any(n >= HELD for _, n in runs)
        return
    assert np.array_equal(played(found, waveform.duration), waveform.expand())
    starts = [piece.first for piece in found]
    assert starts[0] == 0
    assert (np.diff(starts) >= 4).all()
    assert all(apart(busy)(start) for start in starts[1:] if start < waveform.duration)
    assert end_free or (starts[-1] <= waveform.duration - min(TAIL, waveform.duration) and not found[-1].held)


def test_a_short_pulse_is_stored_whole_and_a_long_level_is_not() -> None:
    (whole,) = pieces(drag(40, 10, 0.5), anywhere, True, "here")
    assert not whole.held
    assert len(whole.samples) == 40
    assert sum(len(piece.samples) for piece in pieces(constant(10**6), anywhere, True, "here")) == 2
    up, top, down = pieces(gaussian_square(2040, 10, 2000), anywhere, True, "here")
    assert (len(up.samples), top.held, top.first, down.first, len(down.samples)) == (20, True, 20, 2020, 20)


def test_a_level_with_an_acquisition_in_the_way_of_its_end_is_stored_to_there() -> None:
    found = pieces(constant(400), apart({396}), False, "here")
    assert [(piece.first, piece.held) for piece in found] == [(0, True), (392, False)]


def test_no_room() -> None:
    with pytest.raises(ScheduleError, match="needs room"):
        pieces(gaussian_square(104, 10, 64), apart(set(range(0, 104, 6))), False, "port d0")
