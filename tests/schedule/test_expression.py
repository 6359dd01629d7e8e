"""Expressions mean what Python says they mean."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpu_bridge.schedule import (
    Apply,
    Bits,
    Constant,
    Expression,
    Operator,
    Read,
    SlotValue,
    VariableKind,
    asks_one_bit,
    columns_of,
    evaluate,
    parts,
)

WIDTH = 26
word = st.integers(0, 2**WIDTH - 1)


def value(expression: Expression, bits: list[bool] | None = None, variables: list[float] | None = None) -> float:
    found = evaluate(expression, np.array([bits or []], bool), np.array([variables or []], float), np.array([2.5, 7.0]))
    assert found.shape == (1,)
    assert found.dtype == np.float64
    return float(found[0])


def uint(op: Operator, *arguments: float, width: int = WIDTH) -> float:
    return value(Apply(op, tuple(Constant(a) for a in arguments), VariableKind.UINT, width))


INTEGER: dict[Operator, Callable[[int, int], int]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.BIT_AND: operator.and_,
    Operator.BIT_OR: operator.or_,
    Operator.BIT_XOR: operator.xor,
    Operator.DIVIDE: lambda a, b: a // b if b else 0,
}


@given(st.sampled_from(list(INTEGER)), word, word, st.integers(1, 53))
def test_integers_wrap_at_their_width(op: Operator, a: int, b: int, width: int) -> None:
    assert uint(op, a, b, width=width) == INTEGER[op](a, b) % 2**width


@given(word, st.integers(0, 80))
def test_shifts_fall_off_the_end(a: int, places: int) -> None:
    assert uint(Operator.SHIFT_LEFT, a, places) == (a << places) % 2**WIDTH
    assert uint(Operator.SHIFT_RIGHT, a, places) == a >> places
    assert uint(Operator.INDEX, a, places) == (a >> places) & 1


@given(word)
def test_complement_and_negation_wrap(a: int) -> None:
    assert uint(Operator.BIT_NOT, a) == ~a % 2**WIDTH
    assert uint(Operator.NEGATE, a) == -a % 2**WIDTH


COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_EQUAL: operator.ge,
    Operator.AND: lambda a, b: bool(a and b),
    Operator.OR: lambda a, b: bool(a or b),
}


@given(st.sampled_from(list(COMPARE)), st.integers(0, 5), st.integers(0, 5))
def test_comparisons_are_those_of_python(op: Operator, a: int, b: int) -> None:
    assert value(Apply(op, (Constant(a), Constant(b)), VariableKind.BOOL, 1)) == COMPARE[op](a, b)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_floats_are_those_of_python(a: float, b: float) -> None:
    for op in (Operator.ADD, Operator.SUBTRACT, Operator.MULTIPLY):
        assert value(Apply(op, (Constant(a), Constant(b)), VariableKind.FLOAT)) == INTEGER[op](a, b)  # type: ignore[arg-type]
    if b:
        assert value(Apply(Operator.DIVIDE, (Constant(a), Constant(b)), VariableKind.FLOAT)) == a / b


def test_a_float_divided_by_zero_is_zero_without_a_warning() -> None:
    for above in (1.0, 0.0, -1.0):
        assert value(Apply(Operator.DIVIDE, (Constant(above), Constant(0.0)), VariableKind.FLOAT)) == 0.0


def test_a_float_beyond_the_largest_is_zero() -> None:
    assert value(Apply(Operator.MULTIPLY, (Constant(1e300), Constant(1e300)), VariableKind.FLOAT)) == 0.0


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_bits_are_read_least_significant_first(bits: list[bool]) -> None:
    assert value(Bits(tuple(range(len(bits)))), bits) == sum(bit << place for place, bit in enumerate(bits))


@pytest.mark.parametrize(
    ("kind", "width", "given", "found"),
    [
        (VariableKind.BOOL, 1, 2.5, 1),
        (VariableKind.BOOL, 1, 0, 0),
        (VariableKind.UINT, 8, 2.9, 2),
        (VariableKind.UINT, 8, -1.5, 255),
        (VariableKind.UINT, 2, 7, 3),
        (VariableKind.FLOAT, 64, True, 1),
    ],
)
def test_casts_cut_to_the_type(kind: VariableKind, width: int, given: float, found: float) -> None:
    assert value(Apply(Operator.CAST, (Constant(given),), kind, width)) == found


def test_variables_and_slots_are_read() -> None:
    assert value(Read(1), variables=[1.0, -3.5]) == -3.5
    assert value(SlotValue(1)) == 7.0
    assert value(Apply(Operator.NOT, (Constant(0),), VariableKind.BOOL, 1)) == 1


def test_many_shots_are_evaluated_at_once() -> None:
    bits = np.array([[False, True], [True, True], [False, False]])
    both = Apply(Operator.AND, (Bits((0,)), Bits((1,))), VariableKind.BOOL, 1)
    assert evaluate(both, bits, np.zeros((3, 0)), np.zeros(0)).tolist() == [0, 1, 0]


def test_the_columns_of_an_expression_are_found() -> None:
    tree = Apply(Operator.OR, (Bits((3, 1)), Apply(Operator.NOT, (Bits((2,)),), VariableKind.BOOL)), VariableKind.BOOL)
    assert columns_of(tree) == {1, 2, 3}
    assert len(list(parts(tree))) == 4


def test_a_branch_asks_one_bit_or_its_opposite() -> None:
    bit = Bits((0,))
    negated = Apply(Operator.NOT, (bit,), VariableKind.BOOL, 1)
    zero = Apply(Operator.EQUAL, (bit, Constant(0)), VariableKind.BOOL, 1)
    both = Apply(Operator.AND, (bit, Bits((1,))), VariableKind.BOOL, 1)
    word = Apply(Operator.EQUAL, (Bits((0, 1)), Constant(2)), VariableKind.BOOL, 1)
    assert [asks_one_bit(one) for one in (bit, negated, zero, Constant(True), both, word, Read(0))] == [True] * 4 + [False] * 3
