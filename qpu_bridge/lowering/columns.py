"""Columns of the schedule, from what the circuit measures and the measurement level that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from qpu_bridge.lowering.gate_table import GateTable
from qpu_bridge.lowering.options import MeasLevel
from qpu_bridge.lowering.program import Memory
from qpu_bridge.schedule import Column, Discriminator, Output

_OUTPUT = {"classified": Output.BIT, "kerneled": Output.IQ, "avg_kerneled": Output.IQ, "both": Output.BOTH}


def columns_of_memory(memory: Iterable[Memory], table: GateTable, level: MeasLevel) -> tuple[Column, ...]:
    """The schedule's columns. A column that is not returned always holds bits: only real-time control reads it.

    A name that is there already (a qubit is reset more than once, a bit is overwritten by another qubit) gets a number; columns
    that are returned keep theirs.
    """
    found: list[Column] = []
    times: Counter[str] = Counter()
    columns = list(memory)
    taken = {one.name for one in columns if one.returned}
    for one in columns:
        name = one.name
        while not one.returned and name in taken:
            times[one.name] += 1
            name = f"{one.name} #{times[one.name] + 1}"
        taken.add(name)
        # a bit that is read but never measured stays 0, whatever the line through the plane
        discriminator = Discriminator(0.0, 0.0) if one.qubit is None else table.discriminators[one.qubit]
        if one.returned:
            found.append(column_of(name, level, discriminator))
        else:
            found.append(Column(name, discriminator=discriminator, returned=False))
    return tuple(found)


def column_of(name: str, level: MeasLevel, discriminator: Discriminator) -> Column:
    """The column that is returned for a measurement at a level."""
    return Column(name, output=_OUTPUT[level], average=level == "avg_kerneled", discriminator=discriminator)
