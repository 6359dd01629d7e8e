"""What an engine is: it holds the states of a run's lanes, plays steps on them, and says what a measurement finds.

All engines are fed by the same stage: the same windows, idle times and virtual Z, as steps of a plan. They differ in what they
keep of a state and in what they may leave out, which `choice` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

IDLE, ONE, TWO, ZZ = 0, 1, 2, 3
"""Kinds of steps: idle time with a virtual Z before it, a window on one qubit, a window on two, a ZZ turn."""

Index = NDArray[np.int64]
Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of one cluster.

    Attributes:
        steps: ``int[steps, 3]``: kind and the positions of one or two qubits within the cluster.
        index: ``int[steps, lanes]``: which idle entry or window of the library.
        angle: ``float[steps, lanes]`` in rad: argument x of Z(x) for idle steps, turn for ZZ; detuning included.
        noisy: ``float[steps, lanes]`` in s: time over which slow noise acts in a step.
        shift: ``float[steps, lanes]`` in Hz: mean detuning during a one-qubit window.
    """

    steps: NDArray[np.int32]
    index: NDArray[np.int32]
    angle: Real
    noisy: Real
    shift: Real


class Engine(Protocol):
    """States of the lanes of one part of a run.

    Attributes:
        name: As in `Chunk.notes` and in the setting ``engine``.
        draws_noise: Whether each lane has a path of the slow noise of its own; if not, the engine averages over it.
        noise_grain: How finely it wants that path, see `noise.advance`.
        levels: Levels per qubit of each cluster, in its windows and in what it measures.
    """

    name: ClassVar[str]
    draws_noise: ClassVar[bool]
    noise_grain: ClassVar[float]
    levels: list[int]

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Make the states of all lanes at the start of a shot.

        Args:
            excited: ``float[points, qubits]``, population of level 1.
            point: ``int[lanes]``, point of each lane.
            draws: ``uint64[lanes]``, random streams of the lanes; the engine steps them.
        """

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Play steps on cluster ``number`` in some lanes."""

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Draw the levels of some qubits together; an ensemble is left as it is.

        Args:
            number: Cluster.
            chosen: Lanes.
            measured: Positions of the qubits within the cluster.
            draws: Random streams of all shots.
            shots: Which shots.
            where: ``int[shots]``, position of each shot's lane within ``chosen``.

        Returns:
            ``int[shots, measured]``.
        """

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Make room for ``count`` lanes; ``children[i]`` begins as a copy of ``parents[i]``."""


class Ensemble(Engine, Protocol):
    """An engine with one state for all shots of a lane; a lane parts where they are found in different levels."""

    def excitation(self, number: int, position: int) -> Real:
        """Probability, per lane, that a qubit is not in level 0."""

    def collapse(self, number: int, lanes: Index, position: int, before: Index, after: Index) -> None:
        """One qubit of each lane was found in a level, and is left in another."""


@runtime_checkable
class Follower(Engine, Protocol):
    """An engine with a state for each shot of a lane; a lane parts only where control has read a bit.

    What it samples it leaves in what was found.
    """

    def settle(self, number: int, chosen: Index, position: int, shots: Index, where: Index, changed: NDArray[np.bool_]) -> None:
        """Flip a qubit that has just been sampled in some of its shots: ``bool[shots]``, the rest as of `sample`."""


def dealt(chosen: Index, where: Index) -> Iterator[tuple[int, Index]]:
    """Lanes that have shots, and the places of these; ``where`` as of `Engine.sample`."""
    order = np.argsort(where, kind="stable")
    edges = np.searchsorted(where[order], np.arange(len(chosen) + 1))
    for place, lane in enumerate(chosen.tolist()):
        if edges[place] < edges[place + 1]:
            yield lane, order[edges[place] : edges[place + 1]]
