from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.schedule import words
from qpu_bridge.schedule.names import Names


@pytest.mark.parametrize(
    ("phase", "text"),
    [(0, "0"), (np.pi, "pi"), (-np.pi, "pi"), (3 * np.pi / 2, "-pi/2"), (0.5, "0.5"), (2 * np.pi, "0"), (3 * np.pi / 8, "3pi/8")],
)
def test_a_phase_is_a_fraction_of_pi_where_it_is_one(phase: float, text: str) -> None:
    assert words.angle(phase) == text


@pytest.mark.parametrize(
    ("value", "text"), [(5.1e9, "5.1 GHz"), (0, "0 Hz"), (1e6, "1 MHz"), (-2.5e3, "-2.5 kHz"), (1e-9, "1 nHz")]
)
def test_a_quantity_has_a_prefix(value: float, text: str) -> None:
    assert words.quantity(value, "Hz") == text


def test_names_are_legal_and_unique() -> None:
    names = Names()
    assert names("c", 0, "c[0]") == "c_0"
    assert names("c", 1, "c-0") == "c_0_2"
    assert names("c", 0) == "c_0"
    assert names("c", 2, "for") == "for_2"
    assert names("c", 3, "0q") == "c_0q"
    assert names("c", 4, "µ") == "c"
