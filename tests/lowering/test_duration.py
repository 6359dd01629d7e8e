from __future__ import annotations

from fractions import Fraction

import pytest
from qiskit.circuit import Duration, Parameter
from qiskit.circuit.classical import expr

from qpu_bridge.errors import NotNative
from qpu_bridge.lowering.angle import Affine, Sources
from qpu_bridge.lowering.duration import Grid, ticks_of
from qpu_bridge.units import Clock

GRID = Grid(Clock(Fraction(1, 10**9)), 4)


@pytest.mark.parametrize(
    ("length", "unit", "ticks"),
    [
        (100, "dt", 100),
        (1, "us", 1000),
        (0.1, "us", 100),
        (1e-6, "s", 1000),
        (0.001, "ms", 1000),
        (4000, "ps", 4),
        (101, "ns", 100),
        (103, "ns", 104),
        (0, "s", 0),
        (expr.lift(Duration.us(2)), "expr", 2000),
    ],
)
def test_units(length, unit, ticks) -> None:
    assert ticks_of(length, unit, GRID, Sources([]), "here") == ticks


def test_parameters_stay_parameters() -> None:
    t = Parameter("t")
    assert ticks_of(2 * t, "us", GRID, Sources([t]), "here") == Affine(0.0, ((0, 2000.0),))


@pytest.mark.parametrize(("length", "unit", "word"), [(-1, "ns", "negative"), (2, "dt", "multiple of 4"), (1, "min", "min")])
def test_refused(length, unit, word) -> None:
    with pytest.raises(NotNative, match=word):
        ticks_of(length, unit, GRID, Sources([]), "here")
