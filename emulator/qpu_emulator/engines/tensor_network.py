"""The tensor-network engine: shallow circuits of any width as matrix product states."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.engines.engine import IDLE, ONE, TWO, Index, Plan, dealt
from qpu_emulator.engines.matrix_product import Channel, MatrixProduct
from qpu_emulator.engines.unravelling import kraus
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.basis import Complex, Real, superoperator
from qpu_emulator.windows.library import Library

_NEGLIGIBLE = 1e-7
"""Kraus operators of a smaller squared norm are left out."""
_X = np.array([[0, 1], [1, 0]], complex)
_PAULIS = np.array([_X, [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_EYE = np.eye(4)


@dataclass(slots=True)
class _Lane:
    """What the shots of one cluster and lane have still to play.

    Attributes:
        waiting: Map of each qubit, which comes last.
        written: Channels on one qubit or two.
        turns: ZZ turns between both, in the frame of what waits.
    """

    waiting: list[Real]
    written: list[Channel] = field(default_factory=list)
    turns: dict[tuple[int, int], Real] = field(default_factory=dict)

    def copy(self) -> _Lane:
        return _Lane(list(self.waiting), list(self.written), dict(self.turns))

    def turn(self, a: int, b: int, angle: float) -> None:
        """ZZ turns two qubits."""
        seen = np.outer(_axis(self.waiting[a]), _axis(self.waiting[b]))
        self.turns[a, b] = self.turns.get((a, b), np.zeros((3, 3))) + angle / 4 * seen

    def window(self, a: int, b: int, matrix: Real) -> None:
        """Write a window on two qubits, with what waits for it."""
        self._settle({a, b}, {a, b})
        both = np.kron(self.waiting[a], self.waiting[b])
        if (a, b) in self.turns or (b, a) in self.turns:
            turn = self.turns.pop((a, b)) if (a, b) in self.turns else self.turns.pop((b, a)).T
            both = both @ superoperator(_exchange(turn), 2, 2, systems=2)
        self.written.append(((a, b), _channel(matrix @ both, 2)))
        self.waiting[a] = self.waiting[b] = _EYE

    def close(self, positions: list[int]) -> None:
        """Write all that waits for some qubits."""
        self._settle(set(positions), set())
        for q in positions:
            if self.waiting[q] is not _EYE:
                self.written.append(((q,), _channel(self.waiting[q], 1)))
                self.waiting[q] = _EYE

    def _settle(self, touched: set[int], own: set[int]) -> None:
        """Write the ZZ turns of some qubits with others."""
        for pair in [pair for pair in self.turns if touched & set(pair) and set(pair) != own]:
            self.written.append((pair, [np.asfortranarray(_exchange(self.turns.pop(pair)))]))


class TensorNetwork:
    """One matrix product state per cluster and shot; shots of a lane share their slow noise.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
        spectrum: Unused; every lane draws its own noise.
        bond: Largest bond dimension.
    """

    name: ClassVar[str] = "tensor_network"
    draws_noise: ClassVar[bool] = True
    noise_grain: ClassVar[float] = 0.05

    def __init__(self, clusters: list[tuple[int, ...]], library: Library, spectrum: Spectrum, bond: int) -> None:
        self._clusters = clusters
        self._library = library
        self._bond = bond
        self.levels = [2] * len(clusters)
        self._lanes: list[list[_Lane]] = []
        self._states: list[dict[int, MatrixProduct]] = [{} for _ in clusters]

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Ground states, with thermal flips as channels."""
        for cluster in self._clusters:
            self._lanes.append([_Lane([_flip(float(excited[row, qubit])) for qubit in cluster]) for row in point.tolist()])

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Gather what acts on single qubits; write one channel at every window on two."""
        idle, one, two = self._library.idle[0], self._library.maps(1, 2), self._library.maps(2, 2)
        for place, each in enumerate(chosen.tolist()):
            lane = self._lanes[number][each]
            for step, (kind, a, b) in enumerate(plan.steps.tolist()):
                index, angle = int(plan.index[step, place]), float(plan.angle[step, place])
                if kind == IDLE:
                    lane.waiting[a] = _idle(idle.mixing[index], float(idle.fading[index, 0]), angle) @ lane.waiting[a]
                elif kind == ONE:
                    delta = plan.shift[step, place]
                    lane.waiting[a] = (one[index, 0] + delta * (one[index, 1] + delta * one[index, 2])) @ lane.waiting[a]
                elif kind == TWO:
                    lane.window(a, b, two[index])
                else:
                    lane.turn(a, b, angle)

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Play what is due on each shot's state, and measure it."""
        out = np.zeros((len(shots), len(measured)), np.int64)
        states, positions = self._states[number], measured.tolist()
        for each, mine in dealt(chosen, where):
            lane = self._lanes[number][each]
            lane.close(positions)
            for shot, row in zip(shots[mine].tolist(), mine.tolist(), strict=True):
                if shot not in states:
                    states[shot] = MatrixProduct(len(self._clusters[number]), self._bond, int(draws[shot]) + number)
                states[shot].play(lane.written)
                out[row] = states[shot].measure(positions)
            lane.written = []
        return out

    def settle(self, number: int, chosen: Index, position: int, shots: Index, where: Index, changed: NDArray[np.bool_]) -> None:
        """Flip a qubit that has just been measured, where it has jumped since."""
        for shot in shots[changed].tolist():
            self._states[number][shot].flip(position)

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Go on apart: each plays on its own shots what its parent has not played yet."""
        for lanes in self._lanes:
            for parent, child in zip(parents.tolist(), children.tolist(), strict=True):
                if child != parent:
                    lanes.append(lanes[parent].copy())


def _flip(chance: float) -> Real:
    if chance == 0.0:
        return _EYE
    return np.asarray((1 - chance) * _EYE + chance * superoperator(_X, 2, 2))


def _idle(mixing: Real, fading: float, angle: float) -> Real:
    out = np.zeros((4, 4))
    out[:2, :2] = mixing
    c, s = fading * np.cos(angle), fading * np.sin(angle)
    out[2, 2], out[2, 3], out[3, 2], out[3, 3] = c, s, -s, c
    return out


def _axis(matrix: Real) -> Real:
    """Where Z was before what is pending."""
    same, opposite, x, y = ((matrix[0] - matrix[1]) / 2).tolist()
    axis = (sqrt(2) * x, sqrt(2) * y, same - opposite)
    return np.array(axis) / max(hypot(*axis), 1e-300)


def _exchange(turn: Real) -> Complex:
    """``exp(-i H)`` of ``H = sum C_jk s_j s_k``."""
    hamiltonian = np.einsum("jk,jab,kcd->acbd", turn, _PAULIS, _PAULIS).reshape(4, 4)
    values, vectors = np.linalg.eigh(hamiltonian)
    return np.asarray((vectors * np.exp(-1j * values)) @ vectors.conj().T)


def _channel(matrix: Real, systems: int) -> list[Complex]:
    """Kraus operators, the negligible ones left away and the rest scaled to keep the trace."""
    operators = np.array(kraus(matrix, systems, 2))
    operators = operators[(np.abs(operators) ** 2).sum(axis=(1, 2)) > _NEGLIGIBLE]
    whole = np.einsum("kji,kjl->il", operators.conj(), operators)
    values, vectors = np.linalg.eigh(whole)
    mend = (vectors / np.sqrt(values)) @ vectors.conj().T
    return [np.asfortranarray(operator) for operator in operators @ mend]
