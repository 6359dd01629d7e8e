"""What a branch asks: one measured bit, whether it must be 0, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Bits, Constant, Expression, columns_of, evaluate, parts


@dataclass(frozen=True, slots=True)
class Question:
    """A condition that the trigger network can answer.

    Attributes:
        column: Whose bit.
        wanted: The bit for which the condition holds.
    """

    column: int
    wanted: bool


def question(condition: Expression) -> Question | bool:
    """Reduce a condition on one bit to its truth table; a condition without bits to its value.

    Raises:
        ScheduleError: If it is on several bits, or on a variable or slot.
    """
    simple = all(isinstance(part, Bits | Constant) or hasattr(part, "operator") for part in parts(condition))
    columns = sorted(columns_of(condition))
    if not simple or len(columns) > 1:
        raise ScheduleError(
            "a branch must read one measured bit on this device",
            given=f"{len(columns)} bits" if simple else "a variable or slot",
            remedy="Nest no conditions and combine no bits; ask the host to select shots instead.",
        )
    bits = np.zeros((2, max(columns, default=0) + 1), bool)
    bits[1] = True
    off, on = (value != 0 for value in evaluate(condition, bits, np.zeros((2, 0)), np.zeros(0)).tolist())
    return Question(columns[0], on) if on != off else on
