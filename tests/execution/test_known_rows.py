"""Rows that are known are made and not played; losses are told."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import DriverLost
from qpu_bridge.execution import Execution
from tests.execution.device import Scripted
from tests.execution.test_execution import _bits, _limits, _schedule, _tables


@pytest.mark.parametrize("known", [0, 1, 4, 5, 10])
@pytest.mark.parametrize("piece", [1, 3, 11])
def test_the_rest_is_played_as_if_all_were(known: int, piece: int) -> None:
    driver = Scripted(_limits(max_rows=4), 2)
    whole = Execution(driver, driver.capabilities())
    expected = _bits(whole.run(_schedule(), _tables(11, 11), 3, seed=5))
    for tables in (_tables(11, piece), tuple(_tables(11, piece))):
        driver.runs.clear()
        chunks = list(Execution(driver, driver.capabilities()).run(_schedule(), tables, 3, seed=5, first_row=known))
        assert chunks[0].first_row == known
        assert np.array_equal(np.concatenate([chunk.bits for chunk in chunks]), expected[known:])
        assert sum(len(run.table) for run in driver.runs) == 11 - known


def test_each_loss_is_told_and_may_end_the_work() -> None:
    told: list[int] = []

    def lost() -> None:
        told.append(1)
        if len(told) == 2:
            raise ValueError("enough")

    driver = Scripted(_limits(), 2, deaths=(1, 1, 1))
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0, lost=lost)
    with pytest.raises(ValueError, match="enough"):
        _bits(execution.run(_schedule(), _tables(11, 11), 3))
    assert execution.resumed == 1


def test_a_driver_may_take_a_while_to_come_back() -> None:
    class Slow(Scripted):
        away = 0

        def status(self):
            self.away += 1
            if self.away < 30:
                raise DriverLost("a driver must be there to answer")
            return super().status()

    driver = Slow(_limits(), 2, deaths=(1,))
    execution = Execution(driver, driver.capabilities(), retry_pause_s=0.0)
    assert len(_bits(execution.run(_schedule(), _tables(5, 5), 3))) == 5
    assert driver.away == 30
