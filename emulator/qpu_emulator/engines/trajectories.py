"""The trajectory engine: one pure state per shot, or per few shots, with quantum jumps."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO, ZZ, Index, Plan, Real
from qpu_emulator.engines.jumps import Fate, Idling, Steps, Windows
from qpu_emulator.engines.trajectory import draw_bits, evolve
from qpu_emulator.engines.unravelling import Shelf, distinct
from qpu_emulator.stream import uniform_array
from qpu_emulator.windows.library import Library
from qpu_emulator.windows.relaxation import Idle

_LEVELS = 3


class Trajectories:
    """Pure states of two levels, with a mark for qubits in level 2.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
    """

    name: ClassVar[str] = "trajectories"
    draws_noise: ClassVar[bool] = True
    noise_grain: ClassVar[float] = 0.05

    def __init__(self, clusters: list[tuple[int, ...]], library: Library) -> None:
        self._clusters = clusters
        self._library = library
        self.levels = [_LEVELS] * len(clusters)
        self.states: list[NDArray[np.complex64]] = []
        self._fates: list[Fate] = []

    @staticmethod
    def bytes_per_lane(clusters: list[tuple[int, ...]]) -> int:
        """Memory of one lane."""
        return int(sum(8 << max(2, len(cluster)) for cluster in clusters))

    @staticmethod
    def bytes_per_thread(clusters: list[tuple[int, ...]]) -> int:
        """Memory of the block that a thread works on."""
        return 256 << max(2, *(len(cluster) for cluster in clusters))

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Basis states, drawn from the populations."""
        self.states, self._fates = [], []
        for cluster in self._clusters:
            # a lone qubit gets a companion that nothing acts on
            qubits = max(2, len(cluster))
            number = np.zeros(len(point), np.int64)
            for position, qubit in enumerate(cluster):
                up = uniform_array(draws) < excited[point, qubit]
                number |= up.astype(np.int64) << (qubits - 1 - position)
            state = np.zeros((len(point), 1 << qubits), np.complex64)
            state[np.arange(len(point)), number] = 1.0
            self.states.append(state)
            self._fates.append(Fate(uniform_array(draws), np.zeros(len(point), np.int64), draws))

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Play, see `trajectory.evolve`."""
        kinds, index = plan.steps[:, 0], plan.index.copy()
        idling, index[kinds == IDLE] = _idling(self._library.idle[_LEVELS - 2], plan.index[kinds == IDLE])
        windows = []
        for kind in (ONE, TWO):
            with self._library.lock:
                shelf = self._library.unravelled.setdefault(kind, Shelf(systems=kind))
                index[kinds == kind] = shelf.rows(plan.index[kinds == kind], self._library)
                windows.append(Windows(*shelf.packed()))
        couplings = plan.steps[kinds == ZZ, 1:]
        ends, which = np.unique(couplings, axis=0, return_inverse=True)
        pair = np.full(len(kinds), -1, np.int32)
        pair[kinds == ZZ] = which.ravel()
        steps = Steps(plan.steps, pair, index, plan.angle, plan.shift)
        evolve(self.states[number], chosen, ends.astype(np.int64), steps, idling, windows[0], windows[1], self._fates[number])

    def excitation(self, number: int, position: int) -> Real:
        """From the states; a leaked qubit is excited."""
        qubits = max(2, len(self._clusters[number]))
        weight = np.abs(self.states[number].reshape(-1, 1 << position, 2, 1 << (qubits - 1 - position))) ** 2
        share = weight.sum(axis=(1, 3))
        leaked = self._fates[number].leaked >> position & 1
        return np.asarray(np.where(leaked, 1.0, share[:, 1] / share.sum(axis=1)))

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Draw whole bit strings."""
        order = np.argsort(where, kind="stable")
        lanes = chosen[where[order]]
        bits = np.empty(len(shots), np.int64)
        bits[order] = draw_bits(self.states[number], lanes, shots[order], draws)
        qubits = max(2, len(self._clusters[number]))
        levels = bits[:, None] >> (qubits - 1 - measured) & 1
        leaked = self._fates[number].leaked[chosen[where], None] >> measured & 1
        return np.asarray(np.where(leaked, 2, levels))

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Copy states, thresholds and marks."""
        for number, (state, fate) in enumerate(zip(self.states, self._fates, strict=True)):
            if count > len(state):
                wider = np.empty((count, state.shape[1]), np.complex64)
                wider[: len(state)], wider[children] = state, state[parents]
                limit, leaked = np.empty(count), np.empty(count, np.int64)
                limit[: len(state)], limit[children] = fate.limit, fate.limit[parents]
                leaked[: len(state)], leaked[children] = fate.leaked, fate.leaked[parents]
                self.states[number], self._fates[number] = wider, Fate(limit, leaked, draws)

    def collapse(self, number: int, lanes: Index, position: int, before: Index, after: Index) -> None:
        """Project; the squared norm stays, for it says which jumps have not happened."""
        qubits = max(2, len(self._clusters[number]))
        low = 1 << (qubits - 1 - position)
        fate = self._fates[number]
        for lane, old, new in zip(lanes.tolist(), before.tolist(), after.tolist(), strict=True):
            state = self.states[number][lane].reshape(-1, 2, low)
            total = np.vdot(state, state).real
            kept = state[:, min(old, 1)].copy()
            state[:] = 0
            state[:, min(new, 1)] = kept * np.sqrt(total / max(np.vdot(kept, kept).real, 1e-30))
            fate.leaked[lane] = fate.leaked[lane] & ~(1 << position) | (int(new == 2) << position)


def _idling(idle: Idle, index: NDArray[np.int32]) -> tuple[Idling, NDArray[np.int32]]:
    """Idle times as damping, random angles and jumps; and their numbers."""
    few, which = distinct(index)
    mixing, fading = idle.mixing[few], idle.fading[few]
    mixing = np.maximum(mixing, 0.0)  # rounding leaves zeros of either sign
    # in rows, as a single entry is: machine code for columns would be compiled beside it, for half a minute
    damping = np.ascontiguousarray(np.sqrt(mixing[:, [0, 1], [0, 1]]))
    # what fades beyond the damping is white dephasing: an angle of either sign fades coherences by its cosine
    kick = np.arccos(np.clip(fading[:, 0] / np.maximum(damping.prod(axis=1), 1e-300), 0.0, 1.0))
    kick[kick < 1e-7] = 0.0
    jumps = np.zeros((len(few), 4, 2, 2), complex)
    jumps[:, 0, 0, 1], jumps[:, 1, 1, 0] = np.sqrt(mixing[:, 0, 1]), np.sqrt(mixing[:, 1, 0])
    jumps[:, 2, 1, 1], jumps[:, 3, 1, 0] = np.sqrt(mixing[:, 2, 1]), np.sqrt(mixing[:, 2, 0])
    seeping = mixing[:, 0, 2] + mixing[:, 1, 2]
    return Idling(damping, kick, seeping, jumps), which
