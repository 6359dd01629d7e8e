"""Numbers as people read them."""

from __future__ import annotations

import pytest

from qpu_calibration.picture import format_number


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (4.8590574e9, 160.0, "Hz", "4.85905740(16) GHz"),
        (-13290.0, 214.0, "Hz", "-13.29(21) kHz"),
        (134.32e-6, 2.6e-6, "s", "134.3(2.6) us"),
        (134.32e-6, 12.6e-6, "s", "134(13) us"),
        (0.2459, 0.0001, "", "0.24590(10)"),
        (0.5, 0.96, "", "0.50(96)"),
        (0.5, 0.996, "", "0.50(1.00)"),
        (-0.7149, 0.0018, "rad", "-0.7149(18) rad"),
        (0.25, 0.0, "", "0.25"),
        (5e9, float("inf"), "Hz", "5 GHz"),
    ],
)
def test_a_number_is_followed_by_the_error_of_its_last_digits(value: float, error: float, unit: str, text: str) -> None:
    assert format_number(value, error, unit) == text
