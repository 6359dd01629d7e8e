"""The density-matrix engine: exact but for the slices of slow noise, for clusters of few qubits."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.density import evolve
from qpu_emulator.engines.engine import Index, Plan, Real
from qpu_emulator.engines.outcomes import populations, project
from qpu_emulator.readout.levels import draw_outcomes
from qpu_emulator.windows.library import Library

_FINE_LEVELS = 3
_FINE_QUBITS = 3


class DensityMatrix:
    """One density matrix per cluster and lane, as real vectors of `basis`.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
    """

    name: ClassVar[str] = "density_matrix"
    draws_noise: ClassVar[bool] = True
    noise_grain: ClassVar[float] = 0.0

    def __init__(self, clusters: list[tuple[int, ...]], library: Library) -> None:
        self._clusters = clusters
        self._library = library
        self.levels = self.levels_of(clusters)
        self.states: list[Real] = []

    @staticmethod
    def levels_of(clusters: list[tuple[int, ...]]) -> list[int]:
        """Levels kept per qubit: three in small clusters, else two."""
        return [_FINE_LEVELS if len(cluster) <= _FINE_QUBITS else 2 for cluster in clusters]

    @classmethod
    def bytes_per_lane(cls, clusters: list[tuple[int, ...]]) -> int:
        """Memory of one lane."""
        levels = cls.levels_of(clusters)
        return sum(8 * size ** (2 * len(cluster)) for cluster, size in zip(clusters, levels, strict=True))

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Product states, diagonal."""
        self.states = []
        for cluster, levels in zip(self._clusters, self.levels, strict=True):
            state = np.ones((1, len(excited)))
            for qubit in cluster:
                single = np.zeros((levels * levels, len(excited)))
                single[0], single[1] = 1 - excited[:, qubit], excited[:, qubit]
                state = single if len(cluster) == 1 else (state[:, None] * single).reshape(-1, len(excited))
            self.states.append(np.take(state, point, axis=1))

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Multiply by the windows' superoperators."""
        levels = self.levels[number]
        idle = self._library.idle[levels - 2]
        evolve(
            self.states[number],
            chosen,
            plan.steps,
            plan.index,
            plan.angle,
            plan.shift,
            idle.mixing,
            idle.fading,
            idle.turning,
            self._library.maps(1, levels),
            self._library.maps(2, levels),
            levels,
            len(self._clusters[number]),
        )

    def populations(self, number: int, chosen: Index, measured: Index) -> Real:
        """Joint probabilities, ``float[chosen, levels**measured]``, the last qubit varying fastest."""
        return populations(self.states[number], chosen, measured, self.levels[number], len(self._clusters[number]))

    def excitation(self, number: int, position: int) -> Real:
        """From the marginal populations."""
        every = np.arange(self.states[number].shape[1])
        return np.asarray(self.populations(number, every, np.array([position]))[:, 1:].sum(axis=1))

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """From the joint populations."""
        levels = self.levels[number]
        chance = self.populations(number, chosen, measured)
        if len(measured) == 1:
            return draw_outcomes(draws, shots, where, chance)[:, None]
        digits = np.arange(chance.shape[1]) // levels ** np.arange(len(measured) - 1, -1, -1)[:, None] % levels
        return np.take(digits, draw_outcomes(draws, shots, where, chance), axis=1).T

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Copy columns."""
        for number, state in enumerate(self.states):
            wider = np.empty((len(state), count))
            wider[:, : state.shape[1]] = state
            wider[:, children] = state[:, parents]
            self.states[number] = wider

    def collapse(self, number: int, lanes: Index, position: int, before: Index, after: Index) -> None:
        """Project and normalise."""
        state, qubits = self.states[number], len(self._clusters[number])
        state[:, lanes] = project(state, lanes, position, before, after, self.levels[number], qubits)
