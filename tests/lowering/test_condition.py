from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.condition import Names, either, equal
from qpu_bridge.schedule import Bits, evaluate

REGISTER = ClassicalRegister(4, "r")
WORD = expr.Var.new("w", types.Uint(8))
REAL = expr.Var.new("x", types.Float())
FLAG = expr.Var.new("f", types.Bool())
NAMES = Names(
    {bit: bit for bit in REGISTER},
    {bit: index for index, bit in enumerate(REGISTER)}.__getitem__,
    lambda node: {"w": 0, "x": 1, "f": 2}[node.name],
    "here",
)


def value(node: Any, bits: int, word: int = 0, real: float = 0.0, flag: bool = False) -> float:
    memory = np.array([[bool(bits >> k & 1) for k in range(4)]])
    return float(evaluate(NAMES.expression(node), memory, np.array([[word, real, float(flag)]]), np.zeros(0))[0])


r = expr.lift(REGISTER)


@pytest.mark.parametrize("bits", [0, 5, 10, 15])
@pytest.mark.parametrize("word", [0, 3, 200, 255])
def test_operators_mean_what_they_mean_in_qiskit(bits, word) -> None:
    wide = expr.cast(r, types.Uint(8))
    cases = [
        (expr.bit_and(wide, WORD), bits & word),
        (expr.bit_or(wide, WORD), bits | word),
        (expr.bit_xor(wide, WORD), bits ^ word),
        (expr.bit_not(WORD), 255 - word),
        (expr.bit_not(r), 15 - bits),
        (expr.add(WORD, wide), (word + bits) % 256),
        (expr.sub(WORD, wide), (word - bits) % 256),
        (expr.mul(WORD, wide), (word * bits) % 256),
        (expr.div(WORD, expr.bit_or(wide, 1)), word // (bits | 1)),
        (expr.shift_left(WORD, 3), (word << 3) % 256),
        (expr.shift_right(WORD, r), word >> bits),
        (expr.less(wide, WORD), bits < word),
        (expr.less_equal(wide, WORD), bits <= word),
        (expr.greater(wide, WORD), bits > word),
        (expr.greater_equal(wide, WORD), bits >= word),
        (expr.equal(wide, WORD), bits == word),
        (expr.not_equal(wide, WORD), bits != word),
        (expr.index(r, 2), bits >> 2 & 1),
        (expr.logic_and(REGISTER[0], expr.logic_not(REGISTER[1])), bool(bits & 1) and not bits & 2),
        (expr.logic_or(REGISTER[0], FLAG), bool(bits & 1) or word > 100),
        (expr.bit_not(FLAG), word <= 100),
        (expr.negate(REAL), -0.25),
        (expr.add(REAL, 0.5), 0.75),
        (expr.cast(WORD, types.Uint(4)), word % 16),
        (expr.cast(r, types.Bool()), bits != 0),
    ]
    for node, wanted in cases:
        assert value(node, bits, word, 0.25, word > 100) == wanted, node


def test_older_conditions() -> None:
    memory = np.array([[True, False, True, False]])
    for condition, wanted in (((REGISTER, 5), 1), ((REGISTER, 4), 0), ((REGISTER[0], 1), 1), ((REGISTER[0], 0), 0)):
        assert evaluate(NAMES.condition(condition), memory, np.zeros((1, 3)), np.zeros(0))[0] == wanted
    assert NAMES.condition((REGISTER[1], True)) == Bits((1,))


def test_any_of_several() -> None:
    whole = either([equal(Bits((0, 1, 2, 3)), number) for number in (1, 5, 9)])
    for bits in range(16):
        memory = np.array([[bool(bits >> k & 1) for k in range(4)]])
        assert evaluate(whole, memory, np.zeros((1, 3)), np.zeros(0))[0] == (bits in (1, 5, 9))


def test_durations_are_not_known_in_time() -> None:
    stretch = expr.Stretch.new("s")
    with pytest.raises(NotNative, match="here"):
        NAMES.expression(expr.less(stretch, stretch))
    assert isinstance(REGISTER[0], Clbit)
