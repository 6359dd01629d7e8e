"""A measurement that has begun, as the captures of others get it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qpu_emulator.readout.levels import Levels, Moments
from qpu_emulator.score.actions import Action
from qpu_emulator.score.lanes import Index


class Turn(NamedTuple):
    """Lanes that play a block together.

    Attributes:
        chosen: Which lanes.
        begun: ``int[chosen]``, tick within the shot at which the block began.
        shots: Those that are in these lanes.
        where: ``int[shots]``, position of each shot's lane within ``chosen``.
    """

    chosen: Index
    begun: Index
    shots: Index
    where: Index

    def accompanies(self, other: Turn) -> bool:
        """Whether both are of the same shots in the same round of the same block; lanes may have split between them."""
        if self is other:
            return True
        return np.array_equal(self.shots, other.shots) and np.array_equal(self.begun[self.where], other.begun[other.where])


class Measured(NamedTuple):
    """What happens to a qubit while it is measured.

    Attributes:
        action: Events of the measurement.
        levels: ``int[shots, 3]``, levels one after the other.
        left: ``float[shots, 2]``, when they are left, s after the measurement's start; inf = never.
    """

    action: Action
    levels: Levels
    left: Moments

    @classmethod
    def still(cls, action: Action, level: Index) -> Measured:
        """A qubit that stays in the level that each shot finds it in."""
        return cls(action, np.repeat(level.astype(np.int8)[:, None], 3, axis=1), np.full((len(level), 2), np.inf))
