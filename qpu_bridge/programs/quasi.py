"""Quasi-distributions: readout is calibrated through the device in the same job, and M3 takes its errors out of the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mthree import M3Mitigation
from mthree.generators import HadamardGenerator
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives.containers import BitArray, DataBin
from qiskit_ibm_runtime.quantum_program import QuantumProgram

from qpu_bridge.errors import OperatorError
from qpu_bridge.programs.context import Context
from qpu_bridge.programs.executor import execute
from qpu_bridge.programs.options import ExecuteOptions
from qpu_bridge.target import Snapshot

LEAST_CONTRAST = 0.05
"""A readout whose bit says less than this of the state cannot be corrected: the difference of the chances to find 1."""

_REGISTER = "readout"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What readout makes of each qubit's states.

    Attributes:
        matrices: Qubit -> ``float64[2, 2]``, column ``s`` the chances to find 0 and 1 when state ``s`` was prepared.
        shots: Shots in which each state of each qubit was prepared.
    """

    matrices: Mapping[int, NDArray[np.float64]]
    shots: int

    def corrected(self, data: DataBin, qubits: Sequence[int | None], *, twirled: bool) -> Any:
        """Quasi-distributions of a pub, nested lists in its shape.

        Args:
            data: Its registers.
            qubits: Which qubit each bit was measured from, all registers one after the other; None for bits never written.
            twirled: Whether measurements were twirled, which makes both mistakes of a readout equally likely.
        """
        flip = np.eye(2)[::-1]
        measured = [bit for bit, qubit in enumerate(qubits) if qubit is not None]
        plain = [self.matrices[qubits[bit]] for bit in measured]  # type: ignore[index]  # these are measured
        correction = M3Mitigation(None)
        correction.cals_from_matrices([(one + flip @ one @ flip) / 2 if twirled else one for one in plain])
        bits = np.concatenate([_bits(array) for array in data.values()], axis=-1)
        points = bits.reshape(-1, *bits.shape[-2:])
        made = np.empty(len(points), dtype=object)
        for index, shots in enumerate(points):
            made[index] = _one(correction, shots, measured)
        return made.reshape(bits.shape[:-2]).tolist()


def qubits_of(circuit: QuantumCircuit) -> list[int | None]:
    """Which qubit each bit is measured from last, all registers one after the other."""
    found: dict[Any, int] = {}
    for instruction in circuit.data:
        if instruction.name.startswith("measure"):
            found[instruction.clbits[0]] = circuit.find_bit(instruction.qubits[0]).index
    return [found.get(bit) for register in circuit.cregs for bit in register]


def calibration_program(qubits: Sequence[int], shots: int, snapshot: Snapshot) -> QuantumProgram:
    """Circuits in which every qubit is prepared in either state equally often, and every pair in all four."""
    strings = [np.asarray(bits, dtype=bool)[::-1] for bits in HadamardGenerator(len(qubits))]
    program = QuantumProgram(shots=-(-2 * shots // len(strings)))
    for bits in strings:
        circuit = QuantumCircuit(len(snapshot.qubits))
        circuit.add_register(ClassicalRegister(len(qubits), _REGISTER))
        for qubit, one in zip(qubits, bits, strict=True):
            if one and snapshot.gate("x", qubit) is not None:
                circuit.x(qubit)
            elif one:
                circuit.sx(qubit)
                circuit.sx(qubit)
        circuit.barrier()
        circuit.measure(list(qubits), range(len(qubits)))
        program.append_circuit_item(circuit)
    return program


def calibrate(qubits: Sequence[int], shots: int, options: ExecuteOptions, context: Context) -> Calibration:
    """Learn what readout makes of the states of these qubits, all measured at once.

    Raises:
        OperatorError: If the readout of a qubit hardly tells its states apart.
        Cancelled: If the job was cancelled.
    """
    program = calibration_program(qubits, shots, context.device.snapshot)
    prepared = np.array([np.asarray(bits, dtype=bool)[::-1] for bits in HadamardGenerator(len(qubits))])
    results = execute(program, options, context)
    ones = np.array([np.mean(result[_REGISTER], axis=0) for result in results])
    matrices = {}
    for rank, qubit in enumerate(qubits):
        chances = [float(ones[prepared[:, rank] == state, rank].mean()) for state in (False, True)]
        if chances[1] - chances[0] < LEAST_CONTRAST:
            if not context.device.dry_run:
                raise OperatorError(
                    f"readout must tell 0 from 1 to be corrected: the chances to find 1 must differ by {LEAST_CONTRAST}",
                    given=f"{chances[0]:.3f} and {chances[1]:.3f}",
                    where=f"qubit {qubit}",
                )
            chances = [0.0, 1.0]
        matrices[qubit] = np.array([[1 - chances[0], 1 - chances[1]], chances])
    return Calibration(matrices, program.shots * len(prepared) // 2)


def _bits(array: BitArray) -> NDArray[np.bool_]:
    return np.asarray(array.to_bool_array(order="little"))


def _one(correction: M3Mitigation, shots: NDArray[np.bool_], measured: Sequence[int]) -> dict[str, Any]:
    """The quasi-distribution of one point, ``bool[shots, bits]``; bits that are never measured are 0 in every key."""
    width = shots.shape[-1]
    if not measured:
        return {"quasi_probabilities": {"0" * width: 1.0}, "stddev": 0.0, "shots": len(shots)}
    counts = Counter("".join("1" if bit else "0" for bit in row[::-1]) for row in shots[:, measured])
    quasi = correction.apply_correction(dict(counts), range(len(measured)), return_mitigation_overhead=True)
    spread = {}
    for key, value in quasi.items():
        digits = dict(zip(measured, reversed(key), strict=True))
        spread["".join(digits.get(bit, "0") for bit in reversed(range(width)))] = float(value)
    return {"quasi_probabilities": spread, "stddev": float(quasi.stddev()), "shots": len(shots)}
