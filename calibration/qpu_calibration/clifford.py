"""Cliffords as pulses: of one qubit as ``sx`` between virtual Z, of two with an entangling gate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import CXGate, CZGate, ECRGate, RZGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Clifford, random_clifford
from qiskit.synthesis import synth_clifford_full

ENTANGLERS = {"cz": CZGate(), "ecr": ECRGate()}
SequenceStep = tuple[int, tuple[float, ...]]
"""A place and the virtual Z (rad) before, between and after its ``sx``; place -1 is the entangling gate."""
Pair = tuple[int, int]
GENERATORS = (1, 2, 4, 8)
"""X of the first and of the second qubit, Z of the first and of the second (see `_images`)."""
_SIGNS = tuple(
    tuple(16 * (((one >> 2 & other & 3).bit_count() + (other >> 2 & one & 3).bit_count()) % 2) for other in range(16))
    for one in range(16)
)
"""16 where two Paulis do not commute."""


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

    @cached_property
    def paulis(self) -> dict[int, int]:
        """Number of nothing and of each Pauli, by the number of the latter (`_images`)."""
        return {0: 0, 1: self.named("x"), 4: self.named("z"), 5: self.named("y")}

    def product(self, numbers: NDArray[np.int64]) -> int:
        """Number of what members one after the other are."""
        while len(numbers) > 1:
            pairs = self.after[numbers[:-1:2], numbers[1::2]]
            numbers = np.append(pairs, numbers[2 * len(pairs) :])
        return int(numbers[0]) if len(numbers) else 0


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


def one_qubit_axes(length: int, seed: tuple[int, ...], between: str = "") -> NDArray[np.float64]:
    """Axes (rad) of the ``sx``, two per Clifford, of a random sequence of one qubit and the Clifford that ends it.

    Args:
        length: Random Cliffords.
        seed: Equal seeds, equal Cliffords.
        between: A gate (``sx``, ``x``) that follows each but the last; its axis follows those of the two ``sx``.

    Returns:
        ``float64[2, pulses]``, ending in 0 and ending in 1.
    """
    group = one_qubit_group()
    chosen = np.random.default_rng([*seed, length]).integers(0, len(group.members), length)
    last = group.inverse[group.product(group.after[chosen, group.named(between)] if between else chosen)]
    both = np.append(np.stack([chosen, chosen]), [[last], [group.after[last, group.named("x")]]], axis=1)
    turns = group.even[both]
    whole = turns.sum(axis=-1)
    before = np.cumsum(whole, axis=-1) - whole
    frame = [before + turns[..., 0], before + turns[..., 0] + turns[..., 1], before + whole]
    played = np.stack(frame if between else frame[:2], axis=-1).reshape(2, -1)
    return np.asarray(np.remainder(-(played[:, :-1] if between else played), 2 * np.pi))


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
    between = _images(_entangling(name, forwards))
    net, found = list(GENERATORS), list[SequenceStep]()
    for number in draw.integers(2**31, size=length).tolist():
        steps, images, signs = _steps(name, forwards, random_clifford(2, seed=number))
        found += steps
        net = [images[one ^ signs[one % 16]] for one in net]
        if interleaved:
            found.append((-1, ()))
            net = [between[one] for one in net]
    undone = Clifford(np.array([[one >> bit & 1 for bit in range(5)] for one in net], bool)).adjoint()
    return (*found, *_steps(name, forwards, undone)[0])


@dataclass(frozen=True)
class Word:
    """A Clifford of two qubits but for Paulis before it, in pulses.

    Attributes:
        first: What is local before all entangling gates, by number.
        rest: Steps after that.
        images: `_images` of it.
    """

    first: Pair
    rest: tuple[SequenceStep, ...]
    images: tuple[int, ...]


def _steps(name: str, forwards: bool, clifford: Clifford) -> tuple[tuple[SequenceStep, ...], tuple[int, ...], tuple[int, ...]]:
    """One Clifford in pulses; what it makes of Paulis (`_images`) but for signs, and of which it changes the sign."""
    group, tableau = one_qubit_group(), clifford.tableau
    word = _word(name, forwards, tableau[:, :4].tobytes())
    # the sign of what is made of an X tells whether there is a Z before, and the other way round
    z_0, z_1, x_0, x_1 = tableau[:, 4].tolist()
    pauli = x_0 | x_1 << 1 | z_0 << 2 | z_1 << 3
    first = [group.after[group.paulis[pauli >> place & 5], word.first[place]] for place in (0, 1)]
    steps = ((0, group.shortest[first[0]]), (1, group.shortest[first[1]]), *word.rest)
    return steps, word.images, _SIGNS[pauli]


@lru_cache(maxsize=4096)
def _word(name: str, forwards: bool, reach: bytes) -> Word:
    """Without signs there are 720; what is local is gathered, and written before each entangling gate."""
    group, local = one_qubit_group(), [0, 0]
    clifford = Clifford(np.hstack([np.frombuffer(reach, bool).reshape(4, 4), np.zeros((4, 1), bool)]))
    layers: list[Pair] = []
    for step in synth_clifford_full(clifford).data:
        places = [qubit._index for qubit in step.qubits]
        if len(places) == 1:
            local[places[0]] = int(group.after[local[places[0]], group.named(step.name)])
            continue
        for control, target in [places] if step.name == "cx" else [places, places[::-1], places]:
            before, after = _dressing(name, forwards == (control == 0))
            for place, part in zip((control, target), before, strict=True):
                local[place] = int(group.after[local[place], part])
            layers.append((local[0], local[1]))
            local[control], local[target] = after
    layers.append((local[0], local[1]))
    rest: list[SequenceStep] = []
    for layer in layers[1:]:
        rest += [(-1, ()), (0, group.shortest[layer[0]]), (1, group.shortest[layer[1]])]
    return Word(layers[0], tuple(rest), _images(clifford))


def _images(clifford: Clifford) -> tuple[int, ...]:
    """What a Clifford makes of each signed Pauli of two qubits; bits of its number: X of both, Z of both (both: Y), the sign."""
    rows = [int(row[:4] @ GENERATORS) for row in clifford.tableau]
    found = []
    for number in range(16):
        # powers of i; Y is i X Z
        made, power = 0, _ys(number)
        for bit, row in enumerate(rows):
            if number >> bit & 1:
                power += (
                    2 * int(clifford.tableau[bit, 4])
                    + _ys(made)
                    + _ys(row)
                    - _ys(made ^ row)
                    + 2 * (made >> 2 & row & 3).bit_count()
                )
                made ^= row
        found.append(made + 8 * (power % 4))
    return (*found, *(one ^ 16 for one in found))


def _ys(pauli: int) -> int:
    return (pauli >> 2 & pauli & 3).bit_count()


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


@lru_cache(maxsize=8)
def _entangling(name: str, forwards: bool) -> Clifford:
    swap = Clifford.from_matrix(np.eye(4)[[0, 2, 1, 3]])
    gate = Clifford.from_matrix(ENTANGLERS[name].to_matrix())
    return gate if forwards else swap.compose(gate).compose(swap)


def _played(turns: tuple[float, ...]) -> Clifford:
    found = _turned(turns[0])
    for turn in turns[1:]:
        found = found.compose(_standard("sx")).compose(_turned(turn))
    return found


@lru_cache(maxsize=32)
def _turned(turn: float) -> Clifford:
    return Clifford.from_matrix(RZGate(turn).to_matrix())


@lru_cache(maxsize=32)
def _standard(gate: str) -> Clifford:
    return Clifford.from_matrix(get_standard_gate_name_mapping()[gate].to_matrix())


def _key(clifford: Clifford) -> bytes:
    return bytes(clifford.tableau.tobytes())
