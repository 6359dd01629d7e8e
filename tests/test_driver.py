"""The contract as code, apart from any driver."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError

from qpu_bridge.driver import Capabilities, Chunk, Run, check_chunk, check_rep_delay
from qpu_bridge.errors import DriverFault, ScheduleError
from qpu_bridge.schedule import Builder, Limits, Table
from qpu_bridge.units import Clock


@pytest.fixture
def limits() -> Limits:
    dt = Fraction(1, 10**9)
    return Limits(dt=dt, ports=(), features=frozenset(), min_rep_delay_s=1e-6, default_rep_delay_s=1e-4, max_rep_delay_s=1e-2)


def test_no_wait_is_the_default_and_a_number_is_that_wait(limits: Limits) -> None:
    assert [check_rep_delay(wait, limits) for wait in (None, 1e-6, 1e-2)] == [1e-4, 1e-6, 1e-2]


@pytest.mark.parametrize("wait", [0.0, 0.9e-6, 1.1e-2, -1.0, float("nan"), float("inf")])
def test_a_wait_must_be_one_that_the_device_can(limits: Limits, wait: float) -> None:
    with pytest.raises(ScheduleError, match=r"the wait between shots must be from 1e-06 s to 0\.01 s"):
        check_rep_delay(wait, limits)


@pytest.mark.parametrize("sign", [0, 2, -2])
def test_a_sign_is_one_or_minus_one(limits: Limits, sign: int) -> None:
    with pytest.raises(ValidationError):
        Capabilities(device="d", driver="d", version="1", simulated=True, source="s", sign=sign, limits=limits)


@pytest.mark.parametrize(
    "value", [np.float32(1), np.zeros(2), {1, 2}, float("nan"), b"raw"], ids=["numpy", "array", "set", "nan", "bytes"]
)
def test_notes_that_no_json_can_hold_are_the_drivers_fault(value: object) -> None:
    schedule = Builder(Clock(Fraction(1, 10**9))).build()
    run = Run(schedule.digest, Table.single(), 1)
    check_chunk(schedule, run, Chunk(0, 1, notes={"engine": "exact", "list": [1, 2.5, None]}), 0)
    with pytest.raises(DriverFault, match="notes of a chunk must be JSON values"):
        check_chunk(schedule, run, Chunk(0, 1, notes={"value": value}), 0)
