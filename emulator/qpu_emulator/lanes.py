"""Lanes: density matrices with all that tells one from another, and the shots that are in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.program import Program

Index = NDArray[np.int64]


@dataclass(slots=True)
class Lanes:
    """The state of a run.

    A lane starts as one slice of the noise of one point (row and sweep point). A measured level that the rest of the shot
    depends on splits it: shots in one lane share their whole history.

    Attributes:
        point: ``int[lanes]``, row of the table of points.
        time: ``int[lanes]``, ticks since the start of the shot.
        variables: ``float[lanes, variables]``.
        memory: ``bool[lanes, columns]``, of columns that real-time control reads.
        states: Per cluster, ``float[size, lanes]``.
        detuning: ``float[lanes, qubits, 1 + processes]`` in Hz.
        draws: ``uint64[lanes]``, random streams of the noise.
        lane_of_shot: ``int[shots]``, all points' shots one after the other.
        shot_draws: ``uint64[shots]``, random streams of the shots.
    """

    point: Index
    time: Index
    variables: NDArray[np.float64]
    memory: NDArray[np.bool_]
    states: list[NDArray[np.float64]]
    detuning: NDArray[np.float64]
    draws: NDArray[np.uint64]
    lane_of_shot: Index
    shot_draws: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.point)

    def shots_in(self, chosen: Index) -> tuple[Index, Index]:
        """Shots in some lanes, and for each the position of its lane within ``chosen``."""
        position = np.full(len(self), -1)
        position[chosen] = np.arange(len(chosen))
        where = position[self.lane_of_shot]
        inside = np.flatnonzero(where >= 0)
        return inside, where[inside]

    def split(self, parents: Index) -> Index:
        """Make one lane per entry of ``parents`` (ascending); the first child of a parent takes its place.

        Returns:
            ``int[children]``, indices of the lanes. Their `states` are copies still.
        """
        first = np.concatenate([[True], parents[1:] != parents[:-1]]) if len(parents) else np.zeros(0, bool)
        lanes = parents.copy()
        extra = parents[~first]
        lanes[~first] = len(self) + np.arange(len(extra))
        if len(extra):
            self.point = np.concatenate([self.point, self.point[extra]])
            self.time = np.concatenate([self.time, self.time[extra]])
            self.variables = np.concatenate([self.variables, self.variables[extra]])
            self.memory = np.concatenate([self.memory, self.memory[extra]])
            self.detuning = np.concatenate([self.detuning, self.detuning[extra]])
            self.draws = np.concatenate([self.draws, self.draws[extra]])
            self.states = [np.concatenate([state, state[:, extra]], axis=1) for state in self.states]
        return lanes


def prepare(
    program: Program,
    excited: NDArray[np.float64],
    shots: int,
    slices: int,
    draws: NDArray[np.uint64],
    shot_draws: NDArray[np.uint64],
) -> Lanes:
    """Lanes at the start of a shot.

    Args:
        program: What will be played.
        excited: ``float[points, qubits]``, population of level 1 at the start.
        shots: Per point.
        slices: Of the noise, per point; shots are dealt to them in runs.
        draws: ``uint64[points * slices]``.
        shot_draws: ``uint64[points * shots]``.
    """
    points = len(excited)
    point = np.repeat(np.arange(points), slices)
    schedule = program.schedule
    states = []
    for cluster, levels in zip(program.clusters, program.levels, strict=True):
        state = np.ones((points, 1))
        for qubit in cluster:
            single = np.zeros((points, levels * levels))
            single[:, 0], single[:, 1] = 1 - excited[:, qubit], excited[:, qubit]
            state = np.einsum("pi,pj->pij", state, single).reshape(points, -1)
        states.append(np.ascontiguousarray(state.T[:, point]))
    within = np.arange(shots) * slices // shots
    return Lanes(
        point=point,
        time=np.zeros(len(point), np.int64),
        variables=np.zeros((len(point), len(schedule.variables))),
        memory=np.zeros((len(point), len(schedule.columns)), bool),
        states=states,
        detuning=np.zeros((len(point), excited.shape[1], 1)),
        draws=draws,
        lane_of_shot=(np.arange(points)[:, None] * slices + within).ravel(),
        shot_draws=shot_draws,
    )
