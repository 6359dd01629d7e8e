"""Pauli frames of some shots beside one stabilizer state: a circuit of stim that goes on after a measurement."""

from __future__ import annotations

import numpy as np
import stim
from numpy.typing import NDArray

from qpu_emulator.engines.engine import Index

Bits = NDArray[np.bool_]


class Frames:
    """How each of some shots differs from a reference, by Paulis.

    The reference is a stabilizer state that knows no errors and has measured something; a shot's outcome is the reference's,
    flipped if the shot's Pauli anticommutes. All qubits begin in 0.

    Args:
        qubits: How many.
        shots: Which shots, ascending.
        seed: Of all random numbers.
    """

    def __init__(self, qubits: int, shots: Index, seed: int) -> None:
        self.shots = shots
        self._qubits = qubits
        self._flips = stim.FlipSimulator(batch_size=len(shots), num_qubits=qubits, seed=seed)
        self._reference = stim.TableauSimulator(seed=0)

    def only(self, shots: Index, seed: int) -> Frames:
        """A copy that has some of the shots only."""
        out = Frames(self._qubits, shots, seed)
        mine = np.searchsorted(self.shots, shots)
        out._reference = self._reference.copy(seed=0)
        x, z = self._paulis()
        # stim begins with random Z, as befits qubits in 0
        begun = out._paulis()[1]
        out._flips.broadcast_pauli_errors(pauli="X", mask=np.ascontiguousarray(x[:, mine]))
        out._flips.broadcast_pauli_errors(pauli="Z", mask=np.ascontiguousarray(z[:, mine] ^ begun))
        return out

    def play(self, circuit: stim.Circuit) -> None:
        """Play Cliffords and errors."""
        self._flips.do(circuit)
        self._reference.do(circuit.without_noise())

    def measure(self, positions: list[int]) -> Bits:
        """Measure some qubits, ``bool[positions, shots]``."""
        self._flips.do(stim.CircuitInstruction("M", positions))
        last = range(-len(positions), 0)
        found = np.stack([self._flips.get_measurement_flips(record_index=index) for index in last])
        found ^= np.array(self._reference.measure_many(*positions))[:, None]
        return found

    def flip(self, position: int, which: Bits) -> None:
        """Play X on a qubit in some shots."""
        self._flips.append_measurement_flips(which)
        self._flips.do(stim.CircuitInstruction("CX", [stim.target_rec(-1), position]))

    def _paulis(self) -> tuple[Bits, Bits]:
        x, z, *_ = self._flips.to_numpy(output_xs=True, output_zs=True)
        return x, z
