"""Numbers of a program that slots, sweeps and loops change: where they start, and by how much each loop moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import prod

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Linear, Schedule
from qpu_bridge.schedule.block import DataLoop
from qpu_drivers.qblox.hardware import FREQUENCY_UNITS, FULL_SCALE, TURN


class Unit(Enum):
    """What a number is, in which unit a `Form` holds it, and how a register does."""

    PHASE = "turns"
    GAIN = "full scales"
    FREQUENCY = "Hz"
    TICKS = "ticks"
    BIN = "bins"


Term = tuple[float, tuple[int, ...]]
"""A coefficient, and the slots whose product it multiplies."""


@dataclass(frozen=True, slots=True)
class Form:
    """``constant + sum coefficient * product of slots``, and of bins what each data loop adds, outermost first."""

    unit: Unit
    constant: float
    terms: tuple[Term, ...] = ()
    strides: tuple[int, ...] = ()

    def plus(self, constant: float, terms: tuple[Term, ...] = ()) -> Form:
        """The sum with another one; equal terms are gathered, so that equal numbers are equal forms."""
        gathered: dict[tuple[int, ...], float] = {}
        for coefficient, slots in self.terms + terms:
            gathered[slots] = gathered.get(slots, 0.0) + coefficient
        kept = tuple(sorted((c, s) for s, c in gathered.items() if c))
        return Form(self.unit, self.constant + constant, kept, self.strides)

    def at(self, values: NDArray[np.float64]) -> float:
        """Its value, in its unit; `values` are those of all slots."""
        return self.constant + sum(c * float(np.prod([values[slot] for slot in slots])) for c, slots in self.terms)

    def over(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its values in many rows, ``float64[rows]``."""
        found = np.full(len(rows), self.constant)
        for coefficient, slots in self.terms:
            found += coefficient * np.prod(rows[:, list(slots)], axis=1)
        return found

    @property
    def slots(self) -> frozenset[int]:
        """Slots that it depends on."""
        return frozenset(slot for _, slots in self.terms for slot in slots)


@dataclass(frozen=True, slots=True)
class Axes:
    """The data loops of a run.

    Attributes:
        loops: Outermost first.
        counts: Turns of each.
        rows: ``float64[rows, slots]``; slots that an axis sweeps hold its start.
    """

    loops: tuple[DataLoop, ...]
    counts: tuple[int, ...]
    rows: NDArray[np.float64]

    def swept(self) -> frozenset[int]:
        """Slots that axes sweep."""
        return frozenset(sweep.slot for loop in self.loops if isinstance(loop, Linear) for sweep in loop.sweeps)

    def steps(self, form: Form) -> tuple[float, ...]:
        """What each loop adds per turn."""
        if form.strides:
            return tuple(float(stride) for stride in form.strides)
        return tuple(_step(form, loop) if isinstance(loop, Linear) else 0.0 for loop in self.loops)

    def from_row(self, form: Form) -> bool:
        """Whether a row tells it."""
        return bool(form.slots - self.swept())

    def by_row(self, form: Form) -> bool:
        """Whether it differs between rows."""
        return self.from_row(form) and len(self.rows) > 1 and bool(np.ptp(form.over(self.rows)))

    def extremes(self, form: Form) -> tuple[float, float]:
        """Smallest and largest value in all rows and points."""
        starts = form.over(self.rows) if form.slots else np.array([form.constant])
        reach = [step * (count - 1) for step, count in zip(self.steps(form), self.counts, strict=True)]
        return float(starts.min()) + sum(min(r, 0.0) for r in reach), float(starts.max()) + sum(max(r, 0.0) for r in reach)


def _step(form: Form, loop: Linear) -> float:
    steps = {sweep.slot: sweep.step for sweep in loop.sweeps}
    return float(sum(c * steps[slots[0]] for c, slots in form.terms if len(slots) == 1 and slots[0] in steps))


def check_linear(form: Form, schedule: Schedule, where: str) -> Form:
    """Refuse a product of slots of which an axis sweeps one: no register follows it.

    Raises:
        ScheduleError: With the place.
    """
    for _, slots in form.terms:
        if len(slots) > 1 and any(slot in schedule.swept for slot in slots):
            raise ScheduleError(
                "a frequency that changes within a shot after a wait from a slot must not be swept together with it",
                given=f"slots {slots}",
                where=where,
                remedy="Give one of the two by rows of the table instead of a linear axis.",
            )
    return form


def quantised(unit: Unit, value: float) -> int:
    """The number of an instruction: phases from 0 below a turn, all others signed."""
    if unit is Unit.PHASE:
        return round((value % 1.0) * TURN) % TURN
    if unit is Unit.GAIN:
        return round(value * FULL_SCALE)
    return round(value * FREQUENCY_UNITS) if unit is Unit.FREQUENCY else round(value)


FRACTION = {Unit.PHASE: 32, Unit.GAIN: 16, Unit.FREQUENCY: 32, Unit.TICKS: 0, Unit.BIN: 0}
"""Binary places behind the point of an accumulator. Phases have nothing else, and wrap with the register."""
_SCALE = {Unit.PHASE: 1, Unit.GAIN: FULL_SCALE, Unit.FREQUENCY: FREQUENCY_UNITS, Unit.TICKS: 1, Unit.BIN: 1}


def accumulated(unit: Unit, value: float) -> int:
    """The number of an accumulator, an integer of any size, without the half that rounds it."""
    return round(value * _SCALE[unit] * (1 << FRACTION[unit]))


def half(unit: Unit) -> int:
    """What makes the cut-off places round to nearest."""
    return 1 << (FRACTION[unit] - 1) if unit in (Unit.GAIN, Unit.FREQUENCY) else 0


def total(counts: Sequence[int]) -> int:
    """Turns of nested loops together."""
    return prod(counts)
