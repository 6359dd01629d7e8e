"""The contract as code, apart from any driver."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from pydantic import ValidationError

from qpu_bridge.driver import Capabilities, Chunk, Run, Setting, check_chunk, check_rep_delay
from qpu_bridge.errors import DriverFault, ScheduleError, UnsupportedOption
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


@pytest.mark.parametrize(
    ("kind", "span", "value", "says"),
    [
        ("number", (0, 100), "0", r"a number from 0 to 100; got '0'\."),
        ("number", (0.25, None), 0, r"a number of at least 0\.25; got 0\."),
        ("number", (None, 1), [1], r"a number of at most 1; got \[1\]\."),
        ("number", (None, None), float("inf"), r"a number; got inf\."),
        ("number", (None, None), True, r"a number; got True\."),
        ("integer", (1, None), 2**63, r"a whole number of at least 1; got 9223372036854775808\."),
        ("integer", (None, None), -(10**400), r"a whole number; got -10{78}\."),
        ("text", (None, None), "x" * 1000, r"a text, one of exact; got 'x{79}\."),
        ("switch", (None, None), 1, r"true or false; got 1\."),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_in_words(
    kind: str, span: tuple[float | None, float | None], value: object, says: str
) -> None:
    choices = ("exact",) if kind == "text" else ()
    setting = Setting(name="it", kind=kind, description="", minimum=span[0], maximum=span[1], choices=choices)
    with pytest.raises(UnsupportedOption, match=f"setting it must be {says}"):
        setting.check(value)
