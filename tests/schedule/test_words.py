from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.schedule import Apply, Bits, Constant, Operator, Read, Schedule, SlotValue, VariableKind, words


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


def test_an_expression_names_columns_and_variables(schedule: Schedule) -> None:
    word = Apply(Operator.ADD, (Bits((0, 1)), Read(0)), VariableKind.UINT, 8)
    for part, text in (
        (word, "({c[0] herald} + angle)"),
        (Apply(Operator.NOT, (Bits((1,)),), VariableKind.BOOL, 1), "!c[0]"),
        (Apply(Operator.NEGATE, (SlotValue(2),), VariableKind.FLOAT), "-s2"),
        (Apply(Operator.CAST, (Constant(True),), VariableKind.UINT, 8), "uint(true)"),
        (Apply(Operator.INDEX, (Read(0), Constant(3)), VariableKind.BOOL, 1), "angle[3]"),
    ):
        assert words.expression(schedule, part) == text
