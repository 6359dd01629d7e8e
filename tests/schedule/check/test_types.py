"""Every operator gets what it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Apply,
    Bits,
    Constant,
    Expression,
    Operator,
    Read,
    Schedule,
    Slot,
    SlotKind,
    SlotValue,
    Variable,
    VariableKind,
)
from qpu_bridge.schedule.check.types import check_expression

BOOL, UINT, FLOAT = VariableKind.BOOL, VariableKind.UINT, VariableKind.FLOAT
FLAG, NUMBER, ANGLE, BIT, WORD, VALUE = Read(0), Read(1), Read(2), Bits((0,)), Bits((0, 1)), SlotValue(0)


@pytest.fixture
def typed(schedule: Schedule) -> Schedule:
    variables = (Variable("flag", BOOL, 1), Variable("n", UINT, 8), Variable("angle", FLOAT))
    return replace(schedule, variables=variables, slots=(Slot(SlotKind.VALUE),))


def of(operator: Operator, *arguments: Expression, kind: VariableKind = UINT) -> Apply:
    return Apply(operator, arguments, kind, {BOOL: 1, UINT: 8, FLOAT: 64}[kind])


@pytest.mark.parametrize(
    "expression",
    [
        of(Operator.NOT, FLAG, kind=BOOL),
        of(Operator.AND, BIT, Constant(True), kind=BOOL),
        of(Operator.BIT_XOR, WORD, FLAG),
        of(Operator.SHIFT_LEFT, BIT, Constant(3)),
        of(Operator.INDEX, NUMBER, BIT, kind=BOOL),
        of(Operator.LESS, NUMBER, VALUE, kind=BOOL),
        of(Operator.EQUAL, BIT, Constant(1), kind=BOOL),
        of(Operator.ADD, NUMBER, FLAG),
        of(Operator.MULTIPLY, BIT, Constant(0.7), kind=FLOAT),
        of(Operator.NEGATE, NUMBER, kind=FLOAT),
        of(Operator.CAST, VALUE),
        Constant(2**64 - 1),
    ],
)
def test_what_fits_is_taken(typed: Schedule, expression: Expression) -> None:
    check_expression(typed, expression, "here")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (of(Operator.NOT, NUMBER, kind=BOOL), "operator ! must take bools and give a bool; got uint and bool"),
        (of(Operator.OR, FLAG, ANGLE, kind=BOOL), "operator || must take bools"),
        (of(Operator.AND, FLAG, BIT), "operator && must take bools and give a bool"),
        (of(Operator.SHIFT_LEFT, Constant(-1.5), Constant(0.5)), "operator << must take uints and give a uint; got float, float"),
        (of(Operator.SHIFT_RIGHT, NUMBER, NUMBER, kind=FLOAT), "operator >> must take uints and give a uint"),
        (of(Operator.BIT_AND, FLAG, FLAG, kind=BOOL), "operator & must take uints and give a uint"),
        (of(Operator.BIT_NOT, ANGLE), "operator ~ must take uints"),
        (of(Operator.INDEX, ANGLE, Constant(1), kind=BOOL), "operator [] must take uints and give a bool"),
        (of(Operator.INDEX, NUMBER, Constant(1)), "operator [] must take uints and give a bool"),
        (of(Operator.EQUAL, NUMBER, NUMBER), "operator == must take numbers and give a bool"),
        (of(Operator.ADD, NUMBER, VALUE), "operator + must take uints and give a uint, or numbers and give a float"),
        (of(Operator.ADD, FLAG, FLAG, kind=BOOL), "operator + must take uints"),
        (of(Operator.NOT, of(Operator.SUBTRACT, NUMBER, ANGLE), kind=BOOL), "operator ! must take bools"),
        (Apply(Operator.ADD, (NUMBER, NUMBER), UINT, 0), "must have 1 bit (bool), 64 bits (float) or 1 to 64 bits (uint)"),
        (Apply(Operator.ADD, (NUMBER, NUMBER), UINT, 65), "1 to 64 bits (uint); got uint of 65 bits (operator + in here)"),
        (Apply(Operator.ADD, (NUMBER, NUMBER), UINT, 2.5), "must have 1 bit"),  # type: ignore[arg-type]
        (Apply(Operator.NOT, (FLAG,), BOOL), "got bool of 64 bits"),
        (Apply(Operator.NEGATE, (ANGLE,), FLOAT, 32), "got float of 32 bits"),
        (Constant(2**64), "a constant must be a bool, an integer from 0 to 2**64 - 1, or a float; got 1844"),
        (Constant(-1), "a constant must be a bool, an integer from 0"),
        (Constant(10**400), "a constant must be a bool, an integer from 0"),
        (Constant("7"), "a constant must be a bool, an integer from 0"),  # type: ignore[arg-type]
        (Constant(float("inf")), "a constant must be finite"),
        (Bits(tuple([0] * 65)), "must read from 1 to 64 columns; got 65"),
        (Bits((0.0,)), "a column must be one of the 2; got 0.0"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_refused(typed: Schedule, expression: Expression, message: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check_expression(typed, expression, "here")
    assert message in str(caught.value)
