"""How rows share a program: each with a body of its own, or one body that takes a row's numbers from registers or packed words.

A sequencer holds 12,288 or 16,384 instructions and nothing else, so the instructions of a row decide how many rows one program
takes. A body of its own costs a row all instructions of a shot, and no register. Numbers in registers cost one instruction each,
and two for the way to the body and back. Phases of few bits cost one instruction for each word of 32 bits, and a little time
of the processor at the start of each row, while the sequencer still waits for the qubits to relax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from qpu_drivers.qblox.compile.code import Code
from qpu_drivers.qblox.compile.form import Axes, Form, Unit
from qpu_drivers.qblox.compile.packing import Packed, pack, unpacking
from qpu_drivers.qblox.hardware import TURN


class Sharing(Enum):
    """What rows have in common."""

    PACKED = "a body that unpacks the phases of a row from words"
    LOADED = "a body that reads the numbers of a row from registers"
    APART = "nothing"


@dataclass(frozen=True, slots=True)
class Pack:
    """Phases of all rows that are told apart by equally many bits."""

    forms: tuple[Form, ...]
    packed: Packed


def packs(axes: Axes, forms: Iterable[Form]) -> list[Pack]:
    """Those of some numbers that may be packed, in groups of 1, 2, 4 and 8 bits."""
    by_bits: dict[int, list[Form]] = {}
    units = {form: _units(axes, form) for form in forms if form.unit is Unit.PHASE}
    for form, column in units.items():
        found = pack(column)
        if found is not None:
            by_bits.setdefault(1 << (found.bits - 1).bit_length(), []).append(form)
    grouped = []
    for some in by_bits.values():
        together = pack(np.hstack([units[form] for form in some]))
        if together is not None:
            grouped.append(Pack(tuple(some), together))
    return grouped


def sharings(axes: Axes, forms: Iterable[Form]) -> Iterator[Sharing]:
    """Ways in which rows may share a program, that of fewest instructions per row first.

    The first that has registers and time enough is taken. A body of its own has no need of either, so it comes last, though it
    would be shorter where two rows differ in all that a shot does.

    Args:
        axes: The loops and the rows.
        forms: All numbers of a shot.
    """
    if len(axes.rows) > 1:
        differing = [form for form in forms if axes.by_row(form)]
        if any(len(one.forms) > one.packed.words.shape[1] for one in packs(axes, differing)):
            yield Sharing.PACKED
        yield Sharing.LOADED
    yield Sharing.APART


class Words:
    """The packed phases of one sequencer: registers for words, and what unpacks them.

    Args:
        grouped: What is packed.
        take: Gives a free register.
        named: Register of each phase.
    """

    def __init__(self, grouped: list[Pack], take: Iterator[str], named: dict[Form, str]) -> None:
        self._grouped = grouped
        self._words = [[next(take) for _ in range(one.packed.words.shape[1])] for one in grouped]
        self._scratch = next(take) if grouped else ""
        self._named = named

    def load(self, code: Code, row: int) -> None:
        """Give the words of a row."""
        for one, registers in zip(self._grouped, self._words, strict=True):
            for word, register in zip(one.packed.words[row].tolist(), registers, strict=True):
                code.add("move", word, register)

    def unpack(self, code: Code) -> None:
        """Bring the phases into their registers."""
        for one, registers in zip(self._grouped, self._words, strict=True):
            for line in unpacking(one.packed, registers, [self._named[form] for form in one.forms], self._scratch):
                op, _, arguments = line.partition(" ")
                code.add(op, *(int(a) if a.isdigit() else a for a in arguments.split(",") if a))


def _units(axes: Axes, form: Form) -> NDArray[np.int64]:
    """Phases in units of the hardware, ``int64[rows, 1]``."""
    return np.asarray(np.rint(form.over(axes.rows)[:, None] % 1.0 * TURN), np.int64) % TURN
