"""What engines would take for a run: processor time in s, from counts of its windows.

Rows do not count, for a run that is resumed has fewer of them and must choose as the whole did. The figures were measured on one
core with random brickwork of 4 to 30 qubits (README, "How the engine chooses"); only their ratios matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qpu_bridge.schedule import Body, Repeat, Straight, children
from qpu_emulator.engines.engine import ONE, TWO
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


@dataclass(frozen=True, slots=True)
class Work:
    """What happens in one cluster.

    Attributes:
        qubits: How many.
        windows: On one qubit or two.
        pairs: Positions of each window on two, in order of start, and how often it is played.
        looks: Measurements on the way.
    """

    qubits: int
    windows: int
    pairs: tuple[tuple[int, int, int], ...]
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
        passes = sum(times for _, _, times in self.pairs) * float(1 << self.qubits)
        return count * (self.windows * _STEP_S + passes * _AMPLITUDE_S)

    def tensor_network(self, shots: int, groups: int, bond: int) -> float:
        """Time of matrix product states, s.

        Args:
            shots: Per point.
            groups: Of shots that share their noise.
            bond: Largest bond dimension.
        """
        played = sum(times * (_TENSOR_S + _CUBE_S * size**3) for times, size in self._bonds(bond))
        played += (self.windows - sum(times for _, _, times in self.pairs)) * _TURN_S
        return shots * played + groups * sum(times for _, _, times in self.pairs) * _CHANNEL_S

    def bond(self, most: int) -> int:
        """The bond dimension that a matrix product state may reach."""
        return max((size for _, size in self._bonds(most)), default=1)

    def _bonds(self, most: int) -> Iterator[tuple[int, int]]:
        """Each cut through the line that a window on two qubits spans: how often, and the bond dimension there by then.

        Every window may double the bond dimension of a cut.
        """
        doubled = [0] * self.qubits
        for first, second, times in self.pairs:
            for cut in range(min(first, second), max(first, second)):
                doubled[cut] = min(doubled[cut] + times, cut + 1, self.qubits - 1 - cut, most.bit_length())
                yield times, min(most, 1 << doubled[cut])


def work(program: Program) -> list[Work]:
    """What happens in each cluster; a loop whose end is not known counts once."""
    home = {qubit: (number, place) for number, cluster in enumerate(program.clusters) for place, qubit in enumerate(cluster)}
    windows, looks = [0] * len(program.clusters), [0] * len(program.clusters)
    pairs: list[list[tuple[int, int, int]]] = [[] for _ in program.clusters]
    for block, times in _blocks(program.schedule.realtime, 1):
        score = program.scores[block]
        for kind, first, second, _ in score.laid.tolist():
            if kind not in (ONE, TWO, BETWEEN):
                continue
            number, place = home[program.qubits[first]]
            if kind == BETWEEN:
                looks[number] += times
                continue
            windows[number] += times
            if kind == TWO:
                pairs[number].append((place, home[program.qubits[second]][1], times))
    return [Work(len(cluster), windows[n], tuple(pairs[n]), looks[n]) for n, cluster in enumerate(program.clusters)]


def _blocks(body: Body, times: int) -> Iterator[tuple[Straight, int]]:
    for block in body:
        if isinstance(block, Straight):
            yield block, times
        for inner in children(block):
            yield from _blocks(inner, times * block.count if isinstance(block, Repeat) else times)
