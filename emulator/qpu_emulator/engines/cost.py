"""What engines would take for a run: processor time in s, from counts of its windows.

Rows do not count, for a run that is resumed has fewer of them and must choose as the whole did. The figures were measured on one
core with random brickwork of 4 to 30 qubits (README, "How the engine chooses"); only their ratios matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qpu_bridge.schedule import Body, Repeat, Straight, children
from qpu_emulator.engines.engine import ONE, TWO, Index
from qpu_emulator.score.program import Program
from qpu_emulator.score.timeline import BETWEEN

_NUMBER_S = 0.6e-9
"""Density matrix: time per number of the matrix, slice and window."""
_NARROW = 4
"""Density matrix: slices are played in blocks, and a block that is not full costs as much; on average so many slices more."""
_STEP_S = 0.25e-6
"""Trajectory: time per window for noise, phases and what waits for single qubits."""
_AMPLITUDE_S = 1.5e-9
"""Trajectory: time per amplitude and window on two qubits."""
_CHANNEL_S = 500e-6
"""Tensor network: time to make the Kraus operators of a window on two qubits, for each group of shots."""
_TENSOR_S = 120e-6
"""Tensor network: time per shot and cut of a window on two qubits at bond dimension 1."""
_TURN_S = 1.3e-6
"""Tensor network: time per shot and window on one qubit."""
_CUBE_S = 0.2e-6
"""Tensor network: what each unit of the cubed bond dimension adds to `_TENSOR_S`."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What happens in one cluster.

    Attributes:
        qubits: How many.
        windows: On one qubit or two.
        pairs: ``int[pairs, 3]``, positions of each window on two, in order of start, and how often it is played.
        looks: Measurements on the way.
    """

    qubits: int
    windows: int
    pairs: Index
    looks: int

    def density_matrix(self, shots: int, slices: int, levels: int) -> float:
        """Time with density matrices, s.

        Args:
            shots: Per point.
            slices: Matrices per point at the start; each measurement on the way doubles them, up to one per shot.
            levels: Kept of each qubit.
        """
        lanes = min(shots, slices << min(self.looks, 30))
        return self.windows * float(levels ** (2 * self.qubits)) * (lanes + _NARROW) * _NUMBER_S

    def trajectories(self, count: int) -> float:
        """Time of so many trajectories, s."""
        passes = int(self.pairs[:, 2].sum()) * float(1 << self.qubits)
        return count * (self.windows * _STEP_S + passes * _AMPLITUDE_S)

    def tensor_network(self, shots: int, groups: int, bond: int) -> float:
        """Time of matrix product states, s.

        Args:
            shots: Per point.
            groups: Of shots that share their noise.
            bond: Largest bond dimension.
        """
        times, size = self._bonds(bond)
        played = float((times * (_TENSOR_S + _CUBE_S * size**3)).sum())
        many = int(self.pairs[:, 2].sum())
        return shots * (played + (self.windows - many) * _TURN_S) + groups * many * _CHANNEL_S

    def bond(self, most: int) -> int:
        """The bond dimension that a matrix product state may reach."""
        return int(self._bonds(most)[1].max(initial=1))

    def _bonds(self, most: int) -> tuple[Index, Index]:
        """Each cut through the line that a window on two qubits spans: how often, and the bond dimension there by then.

        Every window may double the bond dimension of a cut.
        """
        times, sizes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        low, high = self.pairs[:, :2].min(axis=1), self.pairs[:, :2].max(axis=1)
        for cut in range(self.qubits - 1):
            times.append(self.pairs[(low <= cut) & (cut < high), 2])
            doubled = np.minimum(np.cumsum(times[-1]), min(cut + 1, self.qubits - 1 - cut, most.bit_length()))
            sizes.append(np.minimum(most, 1 << doubled))
        return np.concatenate(times), np.concatenate(sizes)


def work(program: Program) -> list[Work]:
    """What happens in each cluster; a loop whose end is not known counts once."""
    count = len(program.clusters)
    home, place = np.zeros(len(program.qubits), np.int64), np.zeros(len(program.qubits), np.int64)
    position = {qubit: index for index, qubit in enumerate(program.qubits)}
    for number, cluster in enumerate(program.clusters):
        own = [position[qubit] for qubit in cluster]
        home[own], place[own] = number, np.arange(len(own))
    windows, looks = np.zeros(count, np.int64), np.zeros(count, np.int64)
    pairs = [np.zeros((0, 4), np.int64)]
    for block, times in _blocks(program.schedule.realtime, 1):
        kinds, first, second = program.scores[block].laid[:, :3].T
        joint = kinds == TWO
        windows += times * np.bincount(home[first[joint | (kinds == ONE)]], minlength=count)
        looks += times * np.bincount(home[first[kinds == BETWEEN]], minlength=count)
        many = np.full(int(joint.sum()), times)
        pairs.append(np.stack([home[first[joint]], place[first[joint]], place[second[joint]], many], axis=1))
    every = np.concatenate(pairs)
    return [
        Work(len(cluster), int(windows[number]), every[every[:, 0] == number, 1:], int(looks[number]))
        for number, cluster in enumerate(program.clusters)
    ]


def _blocks(body: Body, times: int) -> Iterator[tuple[Straight, int]]:
    for block in body:
        if isinstance(block, Straight):
            yield block, times
        for inner in children(block):
            yield from _blocks(inner, times * block.count if isinstance(block, Repeat) else times)
