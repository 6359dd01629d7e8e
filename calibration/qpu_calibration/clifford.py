"""Cliffords as pulses: of one qubit as ``sx`` between virtual Z, of two with an entangling gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import CXGate, CZGate, ECRGate, RZGate, SXGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Clifford, random_clifford
from qiskit.synthesis import synth_clifford_full

ENTANGLERS = {"cz": CZGate(), "ecr": ECRGate()}
SequenceStep = tuple[int, tuple[float, ...]]
"""A place and the virtual Z (rad) before, between and after its ``sx``; place -1 is the entangling gate."""
Pair = tuple[int, int]


@dataclass(frozen=True)
class Group:
    """The 24 Cliffords of one qubit, the first of which does nothing.

    Attributes:
        members: In order.
        number: Tableau -> number.
        after: ``int[24, 24]``, number of the first followed by the second.
        inverse: ``int[24]``.
        shortest: Virtual Z (rad) around as few ``sx`` as make it.
        even: Virtual Z around two ``sx``: all last equally long, ``float[24, 3]``.
    """

    members: tuple[Clifford, ...]
    number: dict[bytes, int]
    after: NDArray[np.int64]
    inverse: NDArray[np.int64]
    shortest: tuple[tuple[float, ...], ...]
    even: NDArray[np.float64]

    def named(self, gate: str) -> int:
        """Number of a standard gate."""
        return self.number[_key(_standard(gate))]


@lru_cache(maxsize=1)
def one_qubit_group() -> Group:
    """The group of one qubit."""
    members: dict[bytes, Clifford] = {}
    shortest: list[tuple[float, ...]] = []
    even: dict[bytes, tuple[float, ...]] = {}
    for pulses in range(3):
        for quarters in np.ndindex(*[4] * (pulses + 1)):
            turns = tuple(float(quarter) * np.pi / 2 for quarter in quarters)
            one = _played(turns)
            if _key(one) not in members:
                members[_key(one)] = one
                shortest.append(turns)
            if pulses == 2:
                even.setdefault(_key(one), turns)
    number = {key: index for index, key in enumerate(members)}
    after = np.array([[number[_key(a.compose(b))] for b in members.values()] for a in members.values()])
    inverse = np.argmax(after == 0, axis=1)
    return Group(tuple(members.values()), number, after, inverse, tuple(shortest), np.array([even[key] for key in members]))


def one_qubit_axes(length: int, flipped: bool, seed: tuple[int, ...], between: str = "") -> NDArray[np.float64]:
    """Axes (rad) of the ``sx``, two per Clifford, of a random sequence of one qubit and the Clifford that ends it.

    Args:
        length: Random Cliffords.
        flipped: Whether it ends in 1.
        seed: Equal seeds, equal Cliffords.
        between: A gate (``sx``, ``x``) that follows each but the last; its axis follows those of the two ``sx``.
    """
    group = one_qubit_group()
    chosen = np.random.default_rng([*seed, length]).integers(0, len(group.members), length)
    net = 0
    for number in chosen:
        net = group.after[net, number]
        net = group.after[net, group.named(between)] if between else net
    last = group.inverse[net]
    last = group.after[last, group.named("x")] if flipped else last
    turns = group.even[np.append(chosen, last)]
    before = np.cumsum(turns.sum(axis=1)) - turns.sum(axis=1)
    frame = [before + turns[:, 0], before + turns[:, 0] + turns[:, 1], before + turns.sum(axis=1)]
    played = np.stack(frame if between else frame[:2], axis=1).ravel()
    return np.asarray(np.remainder(-(played[:-1] if between else played), 2 * np.pi))


@lru_cache(maxsize=256)
def two_qubit_sequence(
    name: str, forwards: bool, length: int, interleaved: bool, seed: tuple[int, ...]
) -> tuple[SequenceStep, ...]:
    """Random Cliffords of two qubits and the one that undoes them, in pulses.

    Args:
        name: Of the entangling gate.
        forwards: Whether it acts on places 0 and 1 in this order.
        length: Random Cliffords.
        interleaved: Whether the gate follows each.
        seed: Equal seeds, equal Cliffords.
    """
    draw = np.random.default_rng([*seed, length])
    between = _entangling(name, forwards)
    net = Clifford.from_matrix(np.eye(4))
    found: list[SequenceStep] = []
    for _ in range(length):
        one = random_clifford(2, seed=int(draw.integers(2**31)))
        found += _steps(name, forwards, one)
        net = net.compose(one)
        if interleaved:
            found.append((-1, ()))
            net = net.compose(between)
    return (*found, *_steps(name, forwards, net.adjoint()))


def _steps(name: str, forwards: bool, clifford: Clifford) -> list[SequenceStep]:
    """One Clifford: what is local is gathered, and written before each entangling gate."""
    group, local = one_qubit_group(), [0, 0]
    found: list[SequenceStep] = []
    for step in synth_clifford_full(clifford).data:
        places = [qubit._index for qubit in step.qubits]
        if len(places) == 1:
            local[places[0]] = int(group.after[local[places[0]], group.named(step.name)])
            continue
        for control, target in [places] if step.name == "cx" else [places, places[::-1], places]:
            before, after = _dressing(name, forwards == (control == 0))
            for place, part in zip((control, target), before, strict=True):
                local[place] = int(group.after[local[place], part])
            found += [(0, group.shortest[local[0]]), (1, group.shortest[local[1]]), (-1, ())]
            local[control], local[target] = after
    return [*found, (0, group.shortest[local[0]]), (1, group.shortest[local[1]])]


@lru_cache(maxsize=8)
def _dressing(name: str, forwards: bool) -> tuple[Pair, Pair]:
    """Local Cliffords of control and target, before and after an entangling gate, that make a ``cx`` of it."""
    group, gate = one_qubit_group(), _entangling(name, forwards)
    wanted = Clifford.from_matrix(CXGate().to_matrix())
    for first, one in enumerate(group.members):
        for second, other in enumerate(group.members):
            rest = other.tensor(one).compose(gate).adjoint().compose(wanted)
            reach = rest.symplectic_matrix
            # local: neither qubit's X or Z reaches the other
            if not (reach[np.ix_([0, 2], [1, 3])].any() or reach[np.ix_([1, 3], [0, 2])].any()):
                parts = [Clifford(rest.tableau[np.ix_([place, 2 + place], [place, 2 + place, 4])]) for place in (0, 1)]
                return (first, second), (group.number[_key(parts[0])], group.number[_key(parts[1])])
    raise AssertionError(f"{name} is no cx but for local Cliffords")


def _entangling(name: str, forwards: bool) -> Clifford:
    swap = Clifford.from_matrix(np.eye(4)[[0, 2, 1, 3]])
    gate = Clifford.from_matrix(ENTANGLERS[name].to_matrix())
    return gate if forwards else swap.compose(gate).compose(swap)


def _played(turns: tuple[float, ...]) -> Clifford:
    found = Clifford.from_matrix(RZGate(turns[0]).to_matrix())
    for turn in turns[1:]:
        found = found.compose(Clifford.from_matrix(SXGate().to_matrix())).compose(Clifford.from_matrix(RZGate(turn).to_matrix()))
    return found


@lru_cache(maxsize=32)
def _standard(gate: str) -> Clifford:
    return Clifford.from_matrix(get_standard_gate_name_mapping()[gate].to_matrix())


def _key(clifford: Clifford) -> bytes:
    return bytes(clifford.tableau.tobytes())
