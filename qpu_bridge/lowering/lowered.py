"""What lowering gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.program import Program
from qpu_bridge.lowering.slot_map import SlotMap
from qpu_bridge.lowering.stretches import Stretched
from qpu_bridge.schedule import Schedule


class Busy(IntEnum):
    """What keeps a qubit busy."""

    GATE = 0
    MEASURE = 1
    RESET = 2


OCCUPANCY = np.dtype([("qubit", "<i4"), ("block", "<i4"), ("start", "<i8"), ("stop", "<i8"), ("kind", "<u1")])
"""An interval ``[start, stop)`` of ticks in which a qubit is busy; ``block`` counts `Schedule.straight_blocks`."""


@dataclass(frozen=True, slots=True)
class TimedInstruction:
    """An instruction and when it is played.

    Attributes:
        name: Qiskit's name.
        qubits: Physical qubits.
        block: Index in `Schedule.straight_blocks`.
        start: Ticks since the start of the block.
        duration: Ticks.
    """

    name: str
    qubits: tuple[int, ...]
    block: int
    start: int
    duration: int


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """All steps of a circuit and when they are played (what `Lowered.timing` is made of).

    Attributes:
        program: The steps.
        table: Native gates.
        block: ``int64[steps]``, index in `Schedule.straight_blocks`.
        start: ``int64[steps]``, ticks since the start of the block.
    """

    program: Program
    table: GateTable
    block: NDArray[np.int64]
    start: NDArray[np.int64]


@dataclass(frozen=True)
class Lowered:
    """A circuit as a template of pulses, and how to fill it in.

    Attributes:
        schedule: The template.
        slot_map: Parameter values to slots.
        registers: Column per bit of each classical register, bit 0 first, -1 where nothing is measured; in the circuit's order.
        occupancy: ``OCCUPANCY[...]``, what keeps the used qubits busy, by block and start.
        origin: ``int64[events]``, index in ``circuit.data`` of the (outermost) instruction that each event comes from.
        qubits: Physical qubits that are used, ascending.
        step: Starts are multiples of this many ticks; what is added later must keep to it too.
        steps: The steps behind `timing`.
        stretches: What became of the circuit's stretches.
    """

    schedule: Schedule
    slot_map: SlotMap
    registers: Mapping[str, tuple[int, ...]]
    occupancy: NDArray[np.void]
    origin: NDArray[np.int64]
    qubits: tuple[int, ...]
    step: int
    steps: Steps
    stretches: tuple[Stretched, ...] = ()

    @cached_property
    def timing(self) -> tuple[TimedInstruction, ...]:
        """Every instruction of the circuit with its time, in the circuit's order; virtual ones have no duration."""
        program, entries = self.steps.program, self.steps.table.entries
        width = len(self.steps.table.snapshot.qubits)
        found = []
        rows = zip(program.steps, self.steps.block.tolist(), self.steps.start.tolist(), strict=True)
        for index, ((code, where, duration), block, start) in enumerate(rows):
            name = entries[code].name if code >= 0 else "delay" if index in program.delays else "barrier"
            qubits = tuple(one for one in where if one < width)
            found.append(TimedInstruction(name, qubits, block, start, duration))
        return tuple(found)
