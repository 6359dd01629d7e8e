from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import ValidationError

from qpu_bridge.schedule import Limits, PortKind, PortLimits


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
