"""A matrix product state of one shot, by Aer.

Aer's compiled core is asked directly (``qiskit_aer.backends.controller_wrappers``): no circuit of Qiskit is built. No other file
of the emulator loads Aer, and this one only when such a run comes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from qpu_emulator.windows.basis import Complex

TRUNCATION = 1e-8
_X = np.asfortranarray(np.array([[0, 1], [1, 0]], complex))

_WORD = 60
"""Aer gives what it measures together as one number of 64 bits."""

Channel: TypeAlias = tuple[tuple[int, ...], list[Complex]]
"""Positions, and Kraus operators as arrays in the order of Fortran."""


class MatrixProduct:
    """Qubits in a line, all in 0 at first.

    Args:
        qubits: How many.
        bond: Largest bond dimension.
        seed: Of which Kraus operators act, and of what is measured.
    """

    def __init__(self, qubits: int, bond: int, seed: int) -> None:
        from qiskit_aer.backends.controller_wrappers import AerStateWrapper

        self._state: Any = AerStateWrapper()
        for name, value in (
            ("method", "matrix_product_state"),
            ("matrix_product_state_max_bond_dimension", bond),
            ("matrix_product_state_truncation_threshold", TRUNCATION),
            ("parallel_state_update", 1),
            # joined into gates on five qubits, channels of a state like this cost twice as much
            ("fusion_enable", "false"),
        ):
            self._state.configure(name, str(value))
        self._state.allocate_qubits(qubits)
        self._state.initialize()
        self._state.set_seed(seed % 2**31)

    def play(self, written: list[Channel]) -> None:
        """Play channels one after the other."""
        for acted, operators in written:
            # Aer counts qubits of a matrix from the fastest
            qubits = list(reversed(acted))
            if len(operators) == 1:
                self._state.apply_unitary(qubits, operators[0])
            else:
                self._state.apply_kraus(qubits, operators)

    def measure(self, positions: list[int]) -> list[int]:
        """Find some qubits in 0 or 1, and leave them there; all at once costs as much as one."""
        found = {}
        ascending = sorted(positions)
        for start in range(0, len(ascending), _WORD):
            few = ascending[start : start + _WORD]
            word = int(self._state.apply_measure(few))
            found.update({position: word >> bit & 1 for bit, position in enumerate(few)})
        return [found[position] for position in positions]

    def flip(self, position: int) -> None:
        """X."""
        self._state.apply_unitary([position], _X)
