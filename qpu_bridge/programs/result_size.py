"""How much a job returns, known before anything is played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from qiskit import QuantumCircuit

from qpu_bridge.errors import TooLarge
from qpu_bridge.lowering import MeasLevel
from qpu_bridge.programs.device import DeviceView
from qpu_bridge.target.limits import MAX_EXECUTIONS, MAX_RESULT_BYTES

_BYTES: Mapping[MeasLevel, int] = {"classified": 1, "kerneled": 8, "avg_kerneled": 8, "both": 9}
_NUMBERS: Mapping[MeasLevel, int] = {"classified": 1, "kerneled": 1, "avg_kerneled": 1, "both": 2}


class Returned(NamedTuple):
    """What one item returns.

    Attributes:
        bits: Classical bits in registers.
        rows: Rows, randomizations included.
        shots: Shots of each row.
        measured: How many of the bits, at least, the device measures; the others stay 0.
    """

    bits: int
    rows: int
    shots: int
    measured: int


def returned_by(circuit: QuantumCircuit, rows: int, shots: int) -> Returned:
    """What a circuit returns."""
    measured = {instruction.clbits[0] for instruction in circuit.data if instruction.name.startswith("measure")}
    return Returned(sum(len(register) for register in circuit.cregs), rows, shots, len(measured))


def admit_results(items: Iterable[Returned], level: MeasLevel, device: DeviceView) -> None:
    """Check how much all items of a job return together.

    Raises:
        TooLarge: If there are too many rows, it is more than is kept, or one row of an item is more than the device returns.
    """
    total, executions, most = 0, 0, device.capabilities.limits.max_results
    for index, item in enumerate(items):
        # averages have no axis of shots
        shots = 1 if level == "avg_kerneled" else item.shots
        numbers = item.measured * shots * _NUMBERS[level]
        if item.rows and numbers > most:
            raise TooLarge(
                f"{device.name} returns at most {most} numbers for one set of arguments",
                given=numbers,
                where=f"item {index}: bits x shots",
                remedy="Use fewer shots, fewer bits, or averaged results.",
            )
        executions += item.rows
        total += item.rows * item.bits * shots * _BYTES[level]
    if executions > MAX_EXECUTIONS:
        raise TooLarge(
            f"a job may have at most {MAX_EXECUTIONS} executions",
            given=executions,
            where="sets of arguments x randomizations, all circuits",
            remedy="Split the job.",
        )
    if total > MAX_RESULT_BYTES:
        raise TooLarge(
            f"the results of one job may take at most {MAX_RESULT_BYTES} bytes",
            given=total,
            where=f"sets of arguments x randomizations x {'bits' if level == 'avg_kerneled' else 'shots x bits'}, all items",
            remedy="Split the job, or use fewer shots or averaged results.",
        )
