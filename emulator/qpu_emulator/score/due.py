"""What is due with each step of a straight block besides its window: turns, slow noise, what photons take, idle time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE
from qpu_emulator.score.timeline import Steps
from qpu_emulator.score.values import Number


class Light(NamedTuple):
    """What photons do to qubits.

    Attributes:
        faded: ``float[2, rows, lanes]``, what a coherence loses before and after each row of `Steps`, see `Idle.find`.
        turned: The same of phases, rad.
        shifts: Action -> mean shift of its transmon in each lane, Hz.
    """

    faded: NDArray[np.float64]
    turned: NDArray[np.float64]
    shifts: dict[int, NDArray[np.float64]]


class Due(NamedTuple):
    """What steps do besides their windows.

    Attributes:
        angle: ``float[steps, lanes or 1]``, turn in rad.
        noisy: The same, time in s over which a slow detuning acts.
        faded: ``float[steps, lanes]``, what a coherence loses beside white noise, see `Idle.find`; None for nothing.
        seconds: Idle time of each step in which relaxation acts; one number of all lanes, or ``float[lanes]``.
        stretched: Whether the block lasts longer or shorter than its duration.
    """

    angle: NDArray[np.float64]
    noisy: NDArray[np.float64]
    faded: NDArray[np.float64] | None
    seconds: Sequence[Number]
    stretched: bool

    def nothing(self, steps: Steps) -> NDArray[np.bool_]:
        """Idle steps in which nothing happens, ``bool[steps]``."""
        idle = steps.plan[:, 0] == IDLE
        dull: NDArray[np.bool_] = idle & (steps.seconds == 0.0) & ~self.angle.any(axis=1) & ~self.noisy.any(axis=1)
        if self.stretched:
            dull &= np.isnan(steps.growth)
        if self.faded is not None:
            dull &= ~self.faded.any(axis=1)
        return dull


def due(
    steps: Steps,
    turns: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    light: Light | None,
    more: NDArray[np.float64] | None,
) -> Due:
    """What is due with each step.

    Args:
        steps: Of the engine.
        turns: Virtual Z around windows, see `Steps`.
        before: ``float[rows, lanes or 1]``, times in s that a slow detuning acts before windows on two qubits.
        after: The same after them.
        light: What photons do.
        more: ``float[lanes]``, by how much longer the block lasts, s; None if its duration is fixed.
    """
    noisy = steps.noisy[:, None] + before[steps.now] + after[steps.late]
    angle, faded = steps.angle[:, None] - turns[steps.then] + turns[steps.now], None
    if light is not None:
        angle = angle + light.turned[0][steps.now] + light.turned[1][steps.then]
        faded = light.faded[0][steps.now] + light.faded[1][steps.then]
    seconds: list[Number] = steps.seconds.tolist()
    if more is not None:
        last = np.flatnonzero(~np.isnan(steps.growth))
        angle, noisy = angle + np.zeros((1, len(more))), noisy + np.zeros((1, len(more)))
        angle[last] += np.multiply.outer(steps.growth[last], more)
        for row in last[steps.plan[last, 0] == IDLE].tolist():
            noisy[row] += more
            seconds[row] = seconds[row] + more
    return Due(angle, noisy, faded, seconds, more is not None)
