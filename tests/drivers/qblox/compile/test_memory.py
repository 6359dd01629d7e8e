"""Waveform memory."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_drivers.qblox.compile.memory import Memory


def test_equal_contents_are_stored_once() -> None:
    memory = Memory(100, 3, "waveforms", "port d0")
    assert [memory.index(np.full(n, 0.5), 0) for n in (10, 20, 10)] == [0, 1, 0]
    assert memory.index(np.full(10, 0.5 + 1e-13), 0) == 0
    assert memory.index(-np.zeros(5), 0) == memory.index(np.zeros(5), 0)
    assert [len(data) for data in memory.stored] == [10, 20, 5]


@pytest.mark.parametrize(("samples", "entries"), [(29, 9), (30, 2)])
def test_it_is_full(samples: int, entries: int) -> None:
    memory = Memory(samples, entries, "waveforms", "port d0")
    memory.index(np.zeros(10), 0)
    memory.index(np.ones(10), 0)
    with pytest.raises(ScheduleError, match=rf"{samples} samples in {entries} entries.*port d0, tick 77"):
        memory.index(np.full(10, 0.5), 77)
