"""What is written of a cluster's Clifford circuit in one lane, and what still waits for the next window."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import stim

from qpu_bridge.errors import UnsupportedOption
from qpu_emulator.engines.twirling import circuit, errors, gate, nearest, rotation, slant, untwist, untwist_pair
from qpu_emulator.windows.basis import Real

_FAR = 0.1
"""Chance of a Pauli error beyond which a window is not taken for a Clifford."""
_SLANT = 0.15
"""The same for the angle, rad, of a coherent error: twirling would hide it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A window on two qubits: what stim plays, the virtual Z it leaves, the sign with which one before passes it (or 0)."""

    gates: list[tuple[str, list[int]]]
    errors: str
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


class Track:
    """Gathers what acts on single qubits; writes a Clifford and its errors at every window on two.

    Args:
        cluster: Qubits, by position.
        known: Windows that were twirled already, shared by all tracks of a device.
    """

    def __init__(self, cluster: tuple[int, ...], known: dict[bytes, Pair]) -> None:
        self._cluster = cluster
        self._known = known
        # as text: appending to a circuit of stim costs twenty times as much
        self._written: list[str] = []
        self._waiting = [np.eye(4)] * len(cluster)
        self._turns: dict[tuple[int, int], Real] = {}
        self._held: dict[int, _Held] = {}
        # qubits in 0 or 1, whose phase means nothing
        self._bare = set(range(len(cluster)))

    def copy(self) -> Track:
        """One that goes on apart."""
        out = Track(self._cluster, self._known)
        out._written, out._waiting, out._turns = list(self._written), list(self._waiting), dict(self._turns)
        out._bare = set(self._bare)
        for held in self._held.values():
            out._held.update(dict.fromkeys(held.pair, replace(held)))
        return out

    def excite(self, position: int, chance: float) -> None:
        """A thermal flip at the start."""
        if chance > 0:
            self._written.append(f"X_ERROR({chance}) {position}")

    def wait(self, position: int, matrix: Real) -> None:
        """Something acts on one qubit."""
        self._waiting[position] = matrix @ self._waiting[position]

    def turn(self, pair: tuple[int, int], angle: float) -> None:
        """ZZ turns two qubits, in the frame of what waits."""
        seen = np.outer(_axis(self._waiting[pair[0]]), _axis(self._waiting[pair[1]]))
        self._turns[pair] = self._turns.get(pair, np.zeros((3, 3))) + angle / 4 * seen

    def window(self, where: tuple[int, int], matrix: Real) -> None:
        """Hold a window until something else acts on its qubits."""
        before, waiting = self._held.get(where[0]), self._waiting
        if before is not None and before.pair == where and self._held.get(where[1]) is before:
            before.matrix = matrix @ np.kron(waiting[where[0]], waiting[where[1]]) @ before.matrix
            waiting[where[0]] = waiting[where[1]] = np.eye(4)
            return
        left = self._close(where)
        self._held[where[0]] = self._held[where[1]] = _Held(where, (left[0], left[1]), matrix)

    def written(self, positions: list[int]) -> stim.Circuit:
        """What has been written since the last time, with all that acts on some qubits, for these are measured."""
        self._close(tuple(positions))
        self._bare.update(positions)
        out, self._written = stim.Circuit("\n".join(self._written)), []
        return out

    def _close(self, positions: tuple[int, ...]) -> list[float]:
        """Write all that acts on some qubits; returns the virtual Z that is left on them."""
        for position in positions:
            self._release(position)
        for pair in [pair for pair in self._turns if set(pair) & set(positions)]:
            self._write_turn(pair)
        return [self._single(position) for position in positions]

    def _release(self, position: int) -> None:
        """Write the windows that are held on a qubit and its partner; the virtual Z left by them joins what is pending."""
        if position not in self._held:
            return
        found = self._held.pop(position)
        for q in found.pair:
            self._held.pop(q, None)
        qubits = (self._cluster[found.pair[0]], self._cluster[found.pair[1]])
        window, left = self._twirled(found.matrix, qubits), found.left
        # a virtual Z that does not pass the window is part of it
        stuck = [angle if sign == 0 else 0.0 for angle, sign in zip(left, window.passes, strict=True)]
        if any(stuck):
            window = self._twirled(found.matrix @ np.kron(rotation(stuck[0]), rotation(stuck[1])), qubits)
        for name, targets in window.gates:
            self._written.append(f"{name} {' '.join(str(found.pair[target]) for target in targets)}")
        self._written.append(f"{window.errors} {found.pair[0]} {found.pair[1]}")
        for q, angle, sign, lost, after in zip(found.pair, left, window.passes, stuck, window.after, strict=True):
            self._waiting[q] = self._waiting[q] @ rotation(sign * (angle - lost) + after)

    def _twirled(self, matrix: Real, qubits: tuple[int, int]) -> Pair:
        key = np.round(matrix, 12).tobytes()
        if key not in self._known:
            self._known[key] = _pair(matrix, qubits)
        return self._known[key]

    def _single(self, position: int) -> float:
        """Write what is pending on a qubit; returns the virtual Z that is left."""
        matrix = self._waiting[position]
        self._waiting[position] = np.eye(4)
        if position in self._bare:
            self._bare.remove(position)
            matrix = matrix @ rotation(untwist(matrix.T))
        angle = untwist(matrix)
        straight = rotation(-angle) @ matrix
        clifford = nearest(straight)
        name = None if clifford is None else gate(clifford)
        if clifford is None or name is None:
            raise _refusal("what acts between two windows", (self._cluster[position],))
        chance = errors(straight, clifford)
        if 1 - chance[0] > _FAR or slant(straight, clifford) > _SLANT:
            raise _refusal("what acts between two windows", (self._cluster[position],), 1 - chance[0])
        if name != "I":
            self._written.append(f"{name} {position}")
        self._written.append(f"{_errors(chance[1:])} {position}")
        return angle

    def _write_turn(self, pair: tuple[int, int]) -> None:
        """ZZ turns as Pauli errors, before what is pending."""
        turn = self._turns.pop(pair)
        size = float(np.linalg.norm(turn))
        if size > 0:
            chance = np.zeros((4, 4))
            chance[1:, 1:] = (np.sin(size) / size * turn) ** 2
            if chance.sum() > _FAR:
                qubits = (self._cluster[pair[0]], self._cluster[pair[1]])
                raise _refusal("the ZZ between two windows", qubits, float(chance.sum()))
            self._written.append(f"{_errors(chance.ravel()[1:])} {pair[0]} {pair[1]}")


def _axis(matrix: Real) -> Real:
    """Where Z was before what is pending."""
    axis = matrix[3, 1:]
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-300))


def _errors(chance: Real) -> str:
    """Of each Pauli but the identity."""
    return f"PAULI_CHANNEL_{1 if len(chance) == 3 else 2}({','.join(map(repr, chance.tolist()))})"


def _pair(matrix: Real, qubits: tuple[int, int]) -> Pair:
    after = untwist_pair(matrix)
    straight = np.kron(rotation(-after[0]), rotation(-after[1])) @ matrix
    clifford = nearest(straight)
    gates = None if clifford is None else circuit(clifford)
    if clifford is None or gates is None:
        raise _refusal("a window", qubits)
    chance = errors(straight, clifford)
    if 1 - chance[0] > _FAR or slant(straight, clifford) > _SLANT:
        raise _refusal("a window", qubits, 1 - chance[0])
    played = [(one.name, [target.value for target in one.targets_copy()]) for one in gates]
    return Pair(played, _errors(chance[1:]), after, (int(clifford[12, 12]), int(clifford[3, 3])))


def _refusal(what: str, qubits: tuple[int, ...], error: float | None = None) -> UnsupportedOption:
    given = "none" if error is None else f"one with an error of {error:.2g}"
    return UnsupportedOption(
        f"{what} must be near a Clifford for the engine pauli_frames",
        given=given,
        where=f"qubits {', '.join(map(str, qubits))}",
        remedy="Set the engine to tensor_network, or up to 22 qubits to trajectories.",
    )
