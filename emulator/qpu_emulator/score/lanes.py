"""Lanes: all that tells one state of a run from another, and the shots that are in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.errors import TooLarge
from qpu_bridge.schedule import Schedule
from qpu_emulator.chip.device import Resonator
from qpu_emulator.jit import compiled
from qpu_emulator.readout.afterglow import Afterglow

Index = NDArray[np.int64]
Streams = NDArray[np.uint64]


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
        detuning: ``float[lanes, qubits, 1 + processes]`` in Hz, of the qubits that the program touches.
        draws: ``uint64[lanes]``, random streams of the noise.
        lane_of_shot: ``int[shots]``, all points' shots one after the other.
        shot_draws: ``uint64[shots]``, random streams of the shots.
        glow: What readout tones have left in resonators.
        most: How many lanes fit into memory.
    """

    point: Index
    time: Index
    variables: NDArray[np.float64]
    memory: NDArray[np.bool_]
    detuning: NDArray[np.float64]
    draws: NDArray[np.uint64]
    lane_of_shot: Index
    shot_draws: NDArray[np.uint64]
    glow: Afterglow
    most: int = 2**62

    def __len__(self) -> int:
        return len(self.point)

    def shots_in(self, chosen: Index) -> tuple[Index, Index]:
        """Shots in some lanes, and for each the position of its lane within ``chosen``."""
        if len(chosen) == len(self) and (chosen[1:] > chosen[:-1]).all():
            return np.arange(len(self.lane_of_shot)), self.lane_of_shot.copy()
        position = np.full(len(self), -1)
        position[chosen] = np.arange(len(chosen))
        where = position[self.lane_of_shot]
        inside = np.flatnonzero(where >= 0)
        return inside, where[inside]

    def split(self, parents: Index) -> Index:
        """Make one lane per entry of ``parents`` (ascending); the first child of a parent takes its place.

        Returns:
            ``int[children]``, indices of the lanes; the engine has to follow (`Engine.branch`).

        Raises:
            TooLarge: If there would be more lanes than fit into memory.
        """
        first = np.concatenate([[True], parents[1:] != parents[:-1]]) if len(parents) else np.zeros(0, bool)
        lanes = parents.copy()
        extra = parents[~first]
        lanes[~first] = len(self) + np.arange(len(extra))
        if len(self) + len(extra) > self.most:
            raise TooLarge(
                f"the histories of measured shots must fit into memory, {self.most:,} of them",
                given=f"{len(self) + len(extra):,}",
                remedy="Ask for fewer shots, choose another engine, or raise the option memory.",
            )
        if len(extra):
            self.point = np.concatenate([self.point, self.point[extra]])
            self.time = np.concatenate([self.time, self.time[extra]])
            self.variables = np.concatenate([self.variables, self.variables[extra]])
            self.memory = np.concatenate([self.memory, self.memory[extra]])
            self.detuning = np.concatenate([self.detuning, self.detuning[extra]])
            self.draws = np.concatenate([self.draws, self.draws[extra]])
            self.glow.split(extra)
        return lanes


def prepare(
    schedule: Schedule,
    points: int,
    reading: Mapping[int, Resonator],
    lit: list[int],
    dealt: Index,
    draws: Streams,
    shot_draws: Streams,
) -> Lanes:
    """Lanes at the start of a shot.

    Args:
        schedule: What will be played.
        points: Rows and sweep points.
        reading: Qubit -> its resonator.
        lit: Qubits in whose resonators tones may bring photons that do something.
        dealt: ``int[points * shots]``, the lane of each shot, see `deal`.
        draws: ``uint64[points * lanes per point]``.
        shot_draws: ``uint64[points * shots]``.
    """
    lanes = len(draws) // points
    return Lanes(
        point=np.repeat(np.arange(points), lanes),
        time=np.zeros(len(draws), np.int64),
        variables=np.zeros((len(draws), len(schedule.variables))),
        memory=np.zeros((len(draws), len(schedule.columns)), bool),
        detuning=np.zeros((len(draws), 0, 1)),
        draws=draws,
        lane_of_shot=dealt,
        shot_draws=shot_draws,
        glow=Afterglow([reading[qubit] for qubit in lit], len(draws)),
    )


@compiled()
def deal(points: int, shots: int, lanes: int, start: int, stop: int) -> NDArray[np.int64]:
    """The lane of each shot that some of the lanes of each point have; as many or one more in each.

    Args:
        points: Rows and sweep points.
        shots: Of a point.
        lanes: Of a point.
        start: First of the lanes.
        stop: Behind the last of them.
    """
    first, last = -(-start * shots // lanes), -(-stop * shots // lanes)
    out, place = np.empty(points * (last - first), np.int64), 0
    for point in range(points):
        for lane in range(start, stop):
            for _ in range(-(-lane * shots // lanes), -(-(lane + 1) * shots // lanes)):
                out[place] = point * (stop - start) + lane - start
                place += 1
    return out
