"""A plan: schedules, the rows that fill them, and what the results mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from qpu_bridge.schedule import Schedule, Table
from qpu_bridge.target import Snapshot
from qpu_calibration.axis import Axis, Values
from qpu_calibration.page import Page, Target
from qpu_calibration.reading import Reading


class Kind(StrEnum):
    """What a routine is about; also the name of the first dimension of its data."""

    QUBIT = "qubit"
    COUPLER = "coupler"


@dataclass(frozen=True)
class Point:
    """Where on the axes a page is.

    Attributes:
        swept: Axis -> ``float64[1 or targets, rows]``.
        steps: Stepped axis -> ``float64[1 or targets]``.
    """

    swept: Mapping[str, Values]
    steps: Mapping[str, Values]

    def __getitem__(self, name: str) -> Values:
        """Numbers of an axis that broadcast to ``[targets, rows]``."""
        return self.swept[name] if name in self.swept else self.steps[name][:, None]

    def number(self, name: str) -> float:
        """The one number of a stepped axis that all targets share."""
        (value,) = self.steps[name]
        return float(value)

    def numbers(self, name: str, targets: int) -> list[float]:
        """The number of each target on a stepped axis."""
        return [float(value) for value in np.broadcast_to(self.steps[name], targets)]


@dataclass(frozen=True)
class Plan:
    """What is to be played.

    Attributes:
        kind: Of the targets.
        targets: Measured side by side.
        axes: In the order of the data's dimensions.
        schedules: Schedule and rows for each combination of stepped points, the last stepped axis fastest.
        shots: Per point.
        reading: What comes back.
        rounds: Measurements of each qubit in a shot.
        facts: Numbers that the fit needs -> one value per target.
    """

    kind: Kind
    targets: tuple[Target, ...]
    axes: tuple[Axis, ...]
    schedules: tuple[tuple[Schedule, Table], ...]
    shots: int
    reading: Reading
    rounds: int
    facts: Mapping[str, Values]

    @property
    def stepped(self) -> tuple[Axis, ...]:
        """Axes of which every point is a schedule."""
        return tuple(axis for axis in self.axes if axis.stepped)

    @property
    def swept(self) -> tuple[Axis, ...]:
        """Axes that fill slots."""
        return tuple(axis for axis in self.axes if not axis.stepped)


def write(
    snapshot: Snapshot,
    targets: Sequence[Target],
    axes: Sequence[Axis],
    play: Callable[[Page, Point], None],
    reading: Reading,
) -> tuple[tuple[tuple[Schedule, Table], ...], int]:
    """Let ``play`` write one page for each combination of stepped points.

    Returns:
        The schedules of a plan, and how often each qubit is measured in them.
    """
    swept = [axis for axis in axes if not axis.stepped]
    stepped = [axis for axis in axes if axis.stepped]
    counts = [axis.points for axis in swept]
    rows = int(np.prod(counts, dtype=int))
    grid = np.indices(counts).reshape(len(counts), rows)
    numbers = {axis.name: axis.rows[:, index] for axis, index in zip(swept, grid, strict=True)}
    schedules, rounds = [], set()
    for chosen in product(*(range(axis.points) for axis in stepped)):
        page = Page(snapshot, targets, rows, reading)
        play(page, Point(numbers, {axis.name: axis.rows[:, k] for axis, k in zip(stepped, chosen, strict=True)}))
        schedules.append(page.schedule())
        rounds.add(page.rounds)
    (number,) = rounds
    return tuple(schedules), number
