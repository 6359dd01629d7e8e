"""Units as types, and the only functions that convert between them.

Public quantities are Hz, seconds and radians; time inside a schedule is an integer number of ticks of a rational clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ulp
from typing import NewType

Hz = NewType("Hz", float)
Seconds = NewType("Seconds", float)
Radians = NewType("Radians", float)
Ticks = NewType("Ticks", int)


class Rounding(StrEnum):
    """What to do with a time that does not fall on a tick."""

    NEAREST = "nearest"
    UP = "up"
    DOWN = "down"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Clock:
    """A grid of ticks.

    Attributes:
        dt: Length of one tick in seconds, an exact fraction (a 430.08 MHz clock has no finite decimal).
    """

    dt: Fraction

    def __post_init__(self) -> None:
        if self.dt <= 0:
            raise ValueError(f"a clock's tick must be positive; got {self.dt} s")

    def seconds(self, ticks: int) -> Seconds:
        """Length of ``ticks`` ticks in seconds."""
        return Seconds(float(ticks * self.dt))

    def place(self, seconds: float | Fraction, rounding: Rounding = Rounding.NEAREST) -> tuple[Ticks, Seconds]:
        """Put a time on the grid.

        Args:
            seconds: Time in s. A float that differs from a tick by no more than its own precision is on that tick.
            rounding: Policy for times between two ticks; a tie of ``NEAREST`` goes to the even tick.

        Returns:
            The tick, and the residual in s (placed minus asked).

        Raises:
            ValueError: If ``rounding`` is ``EXACT`` and the time is not a multiple of the tick.
        """
        exact = Fraction(seconds)
        near = round(exact / self.dt) * self.dt
        if isinstance(seconds, float) and abs(near - exact) <= 4 * Fraction(ulp(seconds)):
            exact = near
        ratio = exact / self.dt
        if rounding is Rounding.NEAREST:
            ticks = round(ratio)
        elif rounding is Rounding.UP:
            ticks = -(-ratio.numerator // ratio.denominator)
        elif rounding is Rounding.DOWN:
            ticks = ratio.numerator // ratio.denominator
        else:
            if ratio.denominator != 1:
                raise ValueError(
                    f"a time must be a multiple of the tick {float(self.dt)} s; got {float(exact)} s "
                    f"({float(ratio)} ticks); choose another rounding to have it moved"
                )
            ticks = ratio.numerator
        return Ticks(ticks), Seconds(float(ticks * self.dt - exact))

    def ticks_covering(self, other: Clock, ticks: int) -> Ticks:
        """Fewest ticks of this clock that cover ``ticks`` ticks of ``other``."""
        # whole numbers: fractions would be made coprime each time
        over, under = other.dt.numerator * self.dt.denominator, other.dt.denominator * self.dt.numerator
        return Ticks(-(-ticks * over // under))
