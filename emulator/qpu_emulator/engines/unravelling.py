"""Windows as Kraus operators, for engines that follow pure states: one operator that nearly always acts, and rare jumps.

All are made from the cached maps of the library: the eigenvectors of a Choi matrix are its Kraus operators, the largest first.
A window's output in level 2 is kept apart: it is a jump that marks the qubit as leaked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_emulator.windows.basis import Complex, Real, columns
from qpu_emulator.windows.library import Library

_LEVELS = 3
_WEIGHT = 1e-11


@dataclass(slots=True)
class Shelf:
    """Kraus operators of windows on one or two qubits.

    Attributes:
        systems: 1 or 2.
        row_of: Window of the library -> row.
        keep: Per row, the operator that nearly always acts; for one qubit with its first and second order in a detuning in Hz.
        jumps: The others, ``complex[dim, dim]``.
        leaks: Per jump, which qubits it leaves in level 2: 1 for the first, 2 for the second, 3 for both.
        first: Per row, where its jumps begin; one more at the end.
    """

    systems: int
    row_of: dict[int, int] = field(default_factory=dict)
    keep: list[Complex] = field(default_factory=list)
    jumps: list[Complex] = field(default_factory=list)
    leaks: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=lambda: [0])

    def rows(self, index: NDArray[np.int32], library: Library) -> NDArray[np.int32]:
        """Rows of some windows; those not seen before are unravelled."""
        few, which = distinct(index)
        for window in few.tolist():
            if window not in self.row_of:
                self._add(library.maps(self.systems, _LEVELS)[window])
                self.row_of[window] = len(self.keep) - 1
        return np.array([self.row_of[window] for window in few.tolist()], np.int32)[which]

    def packed(self) -> tuple[Complex, Complex, NDArray[np.int64], NDArray[np.int64]]:
        """`keep`, `jumps`, `leaks` and `first` as arrays."""
        dim = 2**self.systems
        keep = np.array(self.keep, complex).reshape(-1, *((3, 2, 2) if self.systems == 1 else (4, 4)))
        jumps = np.array(self.jumps, complex).reshape(-1, dim, dim)
        return keep, jumps, np.array(self.leaks, np.int64), np.array(self.first, np.int64)

    def _add(self, window: Real) -> None:
        value = window[0] if self.systems == 1 else window
        operators = kraus(value, self.systems)
        kept = [row for row in range(_LEVELS**self.systems) if _leak(row, self.systems) == 0]
        largest = operators[0][kept]
        if self.systems == 1:
            turn = _hamiltonian(window[1] @ np.linalg.pinv(value))
            first = -1j * turn @ operators[0]
            second = -1j * turn @ first / 2
            largest = np.array([operator[kept] for operator in (operators[0], first, second)])
        self.keep.append(largest)
        for number, operator in enumerate(operators):
            for leak in range(2**self.systems):
                if number == 0 and leak == 0:
                    continue
                jump = _block(operator, leak, self.systems)
                if np.linalg.norm(jump) ** 2 > _WEIGHT:
                    self.jumps.append(jump)
                    self.leaks.append(leak)
        self.first.append(len(self.jumps))


def distinct(index: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The numbers that occur, ascending, and the place of each element among them; no sorting, for numbers are small."""
    there = np.zeros(int(index.max(initial=-1)) + 1, np.bool_)
    there[index] = True
    return np.flatnonzero(there), (np.cumsum(there, dtype=np.int32) - 1)[index]


def kraus(window: Real, systems: int, levels: int = _LEVELS) -> list[Complex]:
    """Kraus operators ``complex[levels**systems, 2**systems]`` of a map for inputs in levels 0 and 1, the largest first."""
    dim = levels**systems
    frame = columns(levels, systems)
    plain = (frame @ window @ frame.conj().T).reshape(dim, dim, dim, dim)
    inside = [0, 1] if systems == 1 else [0, 1, levels, levels + 1]
    choi = plain[:, :, inside][:, :, :, inside].transpose(0, 2, 1, 3).reshape(dim * len(inside), -1)
    weights, vectors = np.linalg.eigh(choi)
    return [
        np.sqrt(weight) * vector.reshape(dim, len(inside))
        for weight, vector in zip(weights[::-1].tolist(), vectors.T[::-1], strict=True)
        if weight > _WEIGHT
    ]


def _leak(row: int, systems: int) -> int:
    """Which qubits a joint level has in level 2."""
    if systems == 1:
        return int(row == 2)
    return int(row // _LEVELS == 2) + 2 * int(row % _LEVELS == 2)


def _block(operator: Complex, leak: int, systems: int) -> Complex:
    """The part of an operator that leaves just these qubits in level 2, which is written as level 1."""
    out = np.zeros((2**systems, 2**systems), complex)
    for row in range(_LEVELS**systems):
        if _leak(row, systems) == leak:
            place = min(row, 1) if systems == 1 else 2 * min(row // _LEVELS, 1) + min(row % _LEVELS, 1)
            out[place] = operator[row]
    return out


def _hamiltonian(generator: Real) -> Complex:
    """The traceless A of a generator ``rho -> -i [A, rho]`` of one system of three levels."""
    frame = columns(_LEVELS)
    plain = (frame @ generator @ frame.conj().T).reshape(_LEVELS, _LEVELS, _LEVELS, _LEVELS)
    return np.asarray(1j * np.einsum("acbc->ab", plain) / _LEVELS)
