from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from qpu_bridge.schedule import Limits, PortKind, PortLimits

NS = Fraction(1, 10**9)


def test_limits_survive_json_with_exact_clocks(limits: Limits) -> None:
    odd = limits.model_copy(update={"dt": Fraction(1, 430_080_000)})
    text = odd.model_dump_json()
    assert '"1/430080000"' in text
    assert Limits.model_validate_json(text) == odd


def test_unknown_and_impossible_limits_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        PortLimits(name="d0", kind=PortKind.DRIVE, dt=Fraction(1, 10**9), colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="greater than 0"):
        PortLimits(name="d0", kind=PortKind.DRIVE, dt=Fraction(0))
    with pytest.raises(ValidationError, match="frozen"):
        PortLimits(name="d0", kind=PortKind.DRIVE, dt=Fraction(1)).name = "d1"  # type: ignore[misc]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_frequency": float("nan")},
        {"max_frequency": float("inf")},
        {"min_duration": 10, "max_duration": 3},
        {"min_frequency": 5.0, "max_frequency": 1.0},
    ],
)
def test_a_line_s_limits_are_finite_and_in_order(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PortLimits(name="d0", kind=PortKind.DRIVE, dt=NS, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_rep_delay_s": 1.0},
        {"default_rep_delay_s": 11.0},
        {"default_rep_delay_s": -1.0},
        {"max_rep_delay_s": float("inf")},
        {"min_rep_delay_s": float("nan")},
    ],
)
def test_waits_between_shots_are_finite_and_in_order(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limits(dt=NS, ports=(), features=frozenset(), **fields)


def test_a_line_is_described_once() -> None:
    port = PortLimits(name="d0", kind=PortKind.DRIVE, dt=NS)
    with pytest.raises(ValidationError, match="a port must be described once"):
        Limits(dt=NS, ports=(port, port), features=frozenset())


def test_a_line_adds_up_to_full_scale_unless_it_says_otherwise() -> None:
    assert PortLimits(name="d0", kind=PortKind.DRIVE, dt=NS).max_sum == 1.0
    assert PortLimits(name="d0", kind=PortKind.DRIVE, dt=NS, max_sum=None).max_sum is None
