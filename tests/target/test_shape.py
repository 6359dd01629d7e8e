from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import shapes
from qpu_bridge.target import SampledShape, Snapshot, waveform


def test_each_shape(snapshot: Snapshot) -> None:
    assert waveform(snapshot.waveforms["drag"]) == shapes.drag(32, 8.0, 0.5)
    assert waveform(snapshot.waveforms["flat"]) == shapes.cosine_square(60, 10)
    assert waveform(snapshot.waveforms["tone"]) == shapes.constant(1000)
    plain = waveform(snapshot.waveforms["plain"])
    assert plain.duration == 10
    np.testing.assert_array_equal(plain.samples, [0.1, 0.5 + 0.1j, 0.1])


def test_parts_of_unlike_length() -> None:
    with pytest.raises(ScheduleError, match="as many real as imaginary"):
        waveform(SampledShape(shape="samples", real=(0.1,), imag=()))
