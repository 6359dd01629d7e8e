"""The line that a sequencer draws is the column's, in units of its own sum."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Builder, Column, Discriminator, Schedule
from qpu_bridge.units import Clock
from qpu_drivers.qblox.compile.form import Form, Unit
from qpu_drivers.qblox.compile.line import line
from qpu_drivers.qblox.compile.receiver import Window

PLAIN = Window(0, 0, False, 300, None, 0.4 - 0.3j, Form(Unit.PHASE, 0.17), False)


def schedule(*columns: Column) -> Schedule:
    build = Builder(Clock(Fraction(1, 10**9)))
    for column in columns:
        build.column(column)
    return build.build()


def test_bits_are_those_of_the_column(rng: np.random.Generator) -> None:
    drawn = Discriminator(0.9, 12.0)
    found = line(schedule(Column("c", discriminator=drawn)), [PLAIN], [0])
    assert found is not None
    sums = rng.normal(0, 60, 500) + 1j * rng.normal(0, 60, 500)
    values = PLAIN.factor * np.conj(sums) * np.exp(-2j * np.pi * PLAIN.rotation.constant)
    wanted = (values * np.exp(-1j * drawn.angle)).real > drawn.threshold
    assert 0 < wanted.sum() < 500
    assert (((sums * np.exp(1j * found.angle)).real > found.threshold) == wanted).all()


def test_a_sequencer_has_one_line() -> None:
    two = schedule(Column("one", discriminator=Discriminator(0.9, 12.0)), Column("two", discriminator=Discriminator(0.9, 12.0)))
    same = [PLAIN, replace(PLAIN, event=1, column=1)]
    assert line(two, same, [0, 1]) == line(two, same, [0])
    assert line(two, same, []) is None
    for other in (
        replace(same[1], samples=400),
        replace(same[1], weights=2),
        replace(same[1], factor=0.5),
        replace(same[1], rotation=Form(Unit.PHASE, 0.18)),
    ):
        with pytest.raises(ScheduleError, match=r"alike in window, kernel, phase and discriminator.*columns one, two"):
            line(two, [PLAIN, other], [0, 1])


@pytest.mark.parametrize(
    ("window", "column"),
    [
        (replace(PLAIN, rotation=Form(Unit.PHASE, 0.0, ((1.0, (0,)),))), Column("c", discriminator=Discriminator(0.9, 12.0))),
        (PLAIN, Column("c")),
    ],
)
def test_a_line_must_be_there_and_stay(window: Window, column: Column) -> None:
    with pytest.raises(ScheduleError, match=r"one fixed line.*column c"):
        line(schedule(column), [window], [0])
