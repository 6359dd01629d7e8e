"""The Pauli-frame engine (stim): circuits of any width whose windows are near Cliffords, with twirled noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import stim
from numpy.typing import NDArray

from qpu_bridge.errors import UnsupportedOption
from qpu_emulator.engines.engine import IDLE, ONE, TWO, Index, Plan
from qpu_emulator.engines.twirling import circuit, errors, gate, nearest, rotation, slant, transfer, untwist, untwist_pair
from qpu_emulator.noise import Spectrum
from qpu_emulator.windows.basis import Real
from qpu_emulator.windows.library import Library

_FAR = 0.1
_SLANT = 0.15
_SEEN = 256


@dataclass(frozen=True, slots=True)
class _Pair:
    """A window on two qubits: what stim plays, the virtual Z it leaves, the sign with which one before passes it (or 0)."""

    gates: stim.Circuit
    chance: list[float]
    after: tuple[float, float]
    passes: tuple[int, int]


@dataclass(slots=True)
class _Held:
    """Windows on one pair that came one after the other, as in an echoed gate: only together are they a Clifford.

    Attributes:
        pair: Positions.
        left: Virtual Z that came before, rad.
        matrix: Transfer matrix of all.
    """

    pair: tuple[int, int]
    left: tuple[float, float]
    matrix: Real


class PauliFrames:
    """One stim circuit per cluster and lane; a lane is a point, with all its shots.

    Args:
        clusters: Qubits of each cluster.
        library: Windows of the device.
        spectrum: Slow noise, which is averaged over.
    """

    name: ClassVar[str] = "pauli_frames"
    draws_noise: ClassVar[bool] = False
    noise_grain: ClassVar[float] = 0.0

    def __init__(self, clusters: list[tuple[int, ...]], library: Library, spectrum: Spectrum) -> None:
        self._clusters = clusters
        self._library = library
        self.levels = [2] * len(clusters)
        self._variance = spectrum.static**2 + (spectrum.moving**2).sum(axis=1)
        self._draws: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._circuits: list[list[stim.Circuit]] = []
        self._waiting: list[list[list[Real]]] = []
        self._turns: list[list[dict[tuple[int, int], Real]]] = []
        self._held: list[list[dict[int, _Held]]] = []
        self._pairs: dict[bytes, _Pair] = library.unravelled.setdefault(-TWO, {})

    def start(self, excited: Real, point: Index, draws: NDArray[np.uint64]) -> None:
        """Ground states with thermal flips."""
        self._draws = draws
        for cluster in self._clusters:
            circuits = []
            for row in point.tolist():
                begun = stim.Circuit()
                for position, qubit in enumerate(cluster):
                    begun.append("R", [position])
                    if excited[row, qubit] > 0:
                        begun.append("X_ERROR", [position], float(excited[row, qubit]))
                circuits.append(begun)
            self._circuits.append(circuits)
            self._waiting.append([[np.eye(4)] * len(cluster) for _ in circuits])
            self._turns.append([{} for _ in circuits])
            self._held.append([{} for _ in circuits])

    def evolve(self, number: int, chosen: Index, plan: Plan) -> None:
        """Gather what acts on single qubits; write a Clifford and its errors at every window on two."""
        idle, cluster = self._library.idle[0], self._clusters[number]
        one, two = self._library.maps(1, 2), self._library.maps(2, 2)
        for place, lane in enumerate(chosen.tolist()):
            waiting, turns, held = self._waiting[number][lane], self._turns[number][lane], self._held[number][lane]
            written = self._circuits[number][lane]
            for step, (kind, a, b) in enumerate(plan.steps.tolist()):
                index = int(plan.index[step, place])
                if kind == IDLE:
                    fade = np.exp(-self._variance[cluster[a]] * (2 * np.pi * plan.noisy[step, place]) ** 2 / 2)
                    waiting[a] = _idle(idle.mixing[index], idle.fading[index, 0] * fade, plan.angle[step, place]) @ waiting[a]
                elif kind == ONE:
                    mean = one[index, 0] + self._variance[cluster[a]] * one[index, 2]
                    waiting[a] = transfer(mean, 1) @ waiting[a]
                elif kind == TWO:
                    self._window(written, waiting, turns, held, (a, b), transfer(two[index], 2), cluster)
                else:
                    seen = np.outer(_axis(waiting[a]), _axis(waiting[b]))
                    turns[a, b] = turns.get((a, b), np.zeros((3, 3))) + plan.angle[step, place] / 4 * seen

    def excitation(self, number: int, position: int) -> Real:
        """From some shots."""
        every = np.arange(len(self._circuits[number]))
        shots = np.repeat(every, _SEEN)
        found = self.sample(number, every, np.array([position]), self._draws.copy(), shots, shots)
        return np.asarray(found.reshape(-1, _SEEN).mean(axis=1))

    def sample(
        self, number: int, chosen: Index, measured: Index, draws: NDArray[np.uint64], shots: Index, where: Index
    ) -> NDArray[np.int64]:
        """Stim's frame simulator."""
        out = np.zeros((len(shots), len(measured)), np.int64)
        for place, lane in enumerate(chosen.tolist()):
            written = self._circuits[number][lane].copy()
            turns = dict(self._turns[number][lane])
            waiting, held = list(self._waiting[number][lane]), dict(self._held[number][lane])
            for position in range(len(waiting)):
                self._release(written, waiting, held, position, self._clusters[number])
            for pair in list(turns):
                _write_turn(written, turns, pair)
            for position in measured.tolist():
                self._single(written, waiting, position, self._clusters[number])
            written.append("M", measured.tolist())
            mine = np.flatnonzero(where == place)
            seed = (int(self._draws[lane]) + number) % 2**63
            out[mine] = written.compile_sampler(seed=seed).sample(len(mine))
        return out

    def branch(self, parents: Index, children: Index, count: int, draws: NDArray[np.uint64]) -> None:
        """Lanes never part: what the rest of a shot depends on is refused beforehand."""
        if count > len(draws) or len(parents) != len(self._draws):
            raise UnsupportedOption(f"{self.name} must not be asked to follow single shots", given="a measurement on the way")

    def collapse(self, number: int, lanes: Index, position: int, before: Index, after: Index) -> None:
        """Refused."""
        raise UnsupportedOption(f"{self.name} must not be asked to follow single shots", given="a measurement on the way")

    def _window(
        self,
        written: stim.Circuit,
        waiting: list[Real],
        turns: dict[tuple[int, int], Real],
        held: dict[int, _Held],
        where: tuple[int, int],
        matrix: Real,
        cluster: tuple[int, ...],
    ) -> None:
        """Hold a window until something else acts on its qubits."""
        before = held.get(where[0])
        if before is not None and before.pair == where and held.get(where[1]) is before:
            before.matrix = matrix @ np.kron(waiting[where[0]], waiting[where[1]]) @ before.matrix
            waiting[where[0]] = waiting[where[1]] = np.eye(4)
            return
        for q in where:
            self._release(written, waiting, held, q, cluster)
        for pair in [pair for pair in turns if set(pair) & set(where)]:
            _write_turn(written, turns, pair)
        left = [self._single(written, waiting, q, cluster) for q in where]
        held[where[0]] = held[where[1]] = _Held(where, (left[0], left[1]), matrix)

    def _release(
        self, written: stim.Circuit, waiting: list[Real], held: dict[int, _Held], position: int, cluster: tuple[int, ...]
    ) -> None:
        """Write the windows that are held on a qubit and its partner; the virtual Z left by them joins what is pending."""
        if position not in held:
            return
        found = held.pop(position)
        for q in found.pair:
            held.pop(q, None)
        qubits = (cluster[found.pair[0]], cluster[found.pair[1]])
        window, left = self._known(found.matrix, qubits), found.left
        # a virtual Z that does not pass the window is part of it
        stuck = [angle if sign == 0 else 0.0 for angle, sign in zip(left, window.passes, strict=True)]
        if any(stuck):
            window = self._known(found.matrix @ np.kron(rotation(stuck[0]), rotation(stuck[1])), qubits)
        for instruction in window.gates:
            written.append(instruction.name, [found.pair[target.value] for target in instruction.targets_copy()])
        written.append("PAULI_CHANNEL_2", found.pair, window.chance)
        for q, angle, sign, lost, after in zip(found.pair, left, window.passes, stuck, window.after, strict=True):
            waiting[q] = waiting[q] @ rotation(sign * (angle - lost) + after)

    def _known(self, matrix: Real, qubits: tuple[int, int]) -> _Pair:
        key = np.round(matrix, 12).tobytes()
        if key not in self._pairs:
            self._pairs[key] = _pair(matrix, qubits)
        return self._pairs[key]

    def _single(self, written: stim.Circuit, waiting: list[Real], position: int, cluster: tuple[int, ...]) -> float:
        """Write what is pending on a qubit; returns the virtual Z that is left."""
        matrix = waiting[position]
        waiting[position] = np.eye(4)
        angle = untwist(matrix)
        straight = rotation(-angle) @ matrix
        clifford = nearest(straight)
        name = None if clifford is None else gate(clifford)
        if clifford is None or name is None:
            raise _refusal("what acts between two windows", (cluster[position],))
        chance = errors(straight, clifford)
        if 1 - chance[0] > _FAR or slant(straight, clifford) > _SLANT:
            raise _refusal("what acts between two windows", (cluster[position],), 1 - chance[0])
        if name != "I":
            written.append(name, [position])
        written.append("PAULI_CHANNEL_1", [position], chance[1:])
        return angle


def _idle(mixing: Real, fading: float, angle: float) -> Real:
    out = fading * rotation(angle)
    stay = (mixing[0, 0] + mixing[1, 1] - mixing[0, 1] - mixing[1, 0]) / 2
    drift = (mixing[0, 0] - mixing[1, 1] + mixing[0, 1] - mixing[1, 0]) / 2
    out[0, 0], out[3, 3], out[3, 0] = 1.0, stay, drift
    return out


def _axis(matrix: Real) -> Real:
    """Where Z was before what is pending."""
    axis = matrix[3, 1:]
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-300))


def _write_turn(written: stim.Circuit, turns: dict[tuple[int, int], Real], pair: tuple[int, int]) -> None:
    """ZZ turns as Pauli errors, before what is pending."""
    turn = turns.pop(pair)
    size = float(np.linalg.norm(turn))
    if size > 0:
        chance = np.zeros((4, 4))
        chance[1:, 1:] = (np.sin(size) / size * turn) ** 2
        if chance.sum() > _FAR:
            raise _refusal("the ZZ between two windows", pair, float(chance.sum()))
        written.append("PAULI_CHANNEL_2", pair, chance.ravel()[1:])


def _pair(matrix: Real, qubits: tuple[int, int]) -> _Pair:
    after = untwist_pair(matrix)
    straight = np.kron(rotation(-after[0]), rotation(-after[1])) @ matrix
    clifford = nearest(straight)
    gates = None if clifford is None else circuit(clifford)
    if clifford is None or gates is None:
        raise _refusal("a window", qubits)
    chance = errors(straight, clifford)
    if 1 - chance[0] > _FAR or slant(straight, clifford) > _SLANT:
        raise _refusal("a window", qubits, 1 - chance[0])
    return _Pair(gates, chance[1:].tolist(), after, (int(clifford[12, 12]), int(clifford[3, 3])))


def _refusal(what: str, qubits: tuple[int, ...], error: float | None = None) -> UnsupportedOption:
    given = "none" if error is None else f"one with an error of {error:.2g}"
    return UnsupportedOption(
        f"{what} must be near a Clifford for the engine pauli_frames",
        given=given,
        where=f"qubits {', '.join(map(str, qubits))}",
        remedy="Use the engine trajectories or tensor_network.",
    )
