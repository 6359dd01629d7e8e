from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Table


def test_a_table_has_rows_and_slots_of_finite_numbers() -> None:
    assert len(Table(np.zeros((3, 2)))) == 3
    assert Table.single().values.shape == (1, 0)
    with pytest.raises(ScheduleError, match="two axes"):
        Table(np.zeros(3))
    with pytest.raises(ScheduleError, match=r"finite; got nan \(row=1, slot=0\)"):
        Table(np.array([[0.0], [np.nan]]))


def test_a_table_cannot_be_changed_and_is_not_copied() -> None:
    values = np.zeros((2, 2))
    table = Table(values)
    assert np.shares_memory(table.values, values)
    with pytest.raises(ValueError, match="read-only"):
        table.values[0, 0] = 1
    assert values.flags.writeable


@given(st.integers(0, 12), st.data())
def test_bits_are_the_fewest_that_tell_all_values(bits: int, data: st.DataObject) -> None:
    odd = 2 * data.draw(st.integers(0, 50)) + 1
    others = data.draw(st.lists(st.integers(-100, 100), max_size=5))
    phases = np.array([odd, *others]) * 2 * np.pi / 2**bits
    assert Table(phases[:, None]).phase_bits() == [bits]


def test_a_twirl_needs_two_bits_and_any_number_has_none() -> None:
    table = Table(np.array([[0, 0.1, 0], [np.pi / 2, 0.2, 0], [np.pi, 0.3, 0]]))
    assert table.phase_bits() == [2, None, 0]
