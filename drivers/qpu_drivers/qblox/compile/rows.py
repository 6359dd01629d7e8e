"""How rows share a program: each with a body of its own, or one body that takes a row's numbers from registers or packed words.

A sequencer holds 12,288 or 16,384 instructions and nothing else, so the instructions of a row decide how many rows one program
takes. A body of its own costs a row all instructions of a shot, and no register. Numbers in registers cost one instruction each,
and two for the way to the body and back. Phases of few bits cost one instruction for each word of 32 bits, and a little time
of the processor at the start of each row, while the sequencer still waits for the qubits to relax. Phases for which no register
is left are unpacked right before their pulses, if these leave the time. Of a single row the host sets the registers, so that the
same text plays another row without being uploaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from qpu_drivers.qblox.compile.code import Code
from qpu_drivers.qblox.compile.form import Axes, Form, Unit
from qpu_drivers.qblox.compile.packing import WORD, Packed, pack, unpacking
from qpu_drivers.qblox.hardware import TURN


class Sharing(Enum):
    """What rows have in common."""

    PACKED = "a body that unpacks the phases of a row from words"
    LOADED = "a body that reads the numbers of a row from registers"
    APART = "nothing"
    GIVEN = "the text: the numbers of the only row are in registers that the host sets"


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
    elif any(axes.from_row(form) for form in forms):
        yield Sharing.GIVEN
    yield Sharing.APART


class Words:
    """The packed phases of one sequencer: registers of words, and what unpacks them.

    Args:
        axes: The loops and the rows.
        forms: Numbers that rows change, in the order of play.
        free: Registers that may be used, at most.
        take: Gives one.
    """

    def __init__(self, axes: Axes, forms: list[Form], free: int, take: Callable[[], str]) -> None:
        grouped = packs(axes, forms)
        self.forms = [form for form in forms if any(form in one.forms for one in grouped)]
        early, late = _divided(self.forms, free - sum(one.packed.words.shape[1] + 1 for one in grouped) - 1)
        self._early, self._late = packs(axes, early), packs(axes, late)
        self._words = [[take() for _ in range(one.packed.words.shape[1])] for one in self._early + self._late]
        self._scratch = take() if grouped else ""
        self.named = {form: take() for one in self._early for form in one.forms}

    def load(self, code: Code, row: int) -> None:
        """Give the words of a row."""
        for one, registers in zip(self._early + self._late, self._words, strict=True):
            for word, register in zip(one.packed.words[row].tolist(), registers, strict=True):
                code.add("move", word, register)

    def unpack(self, code: Code) -> None:
        """Bring phases into their registers."""
        for one, registers in zip(self._early, self._words, strict=False):
            for line in unpacking(one.packed, registers, [self.named[form] for form in one.forms], self._scratch):
                op, _, arguments = line.partition(" ")
                code.add(op, *(int(a) if a.isdigit() else a for a in arguments.split(",") if a))

    def bring(self, code: Code, form: Form) -> str | None:
        """Unpack a phase that has no register of its own; its words stay as they are. None if it is none of these."""
        for one, registers in zip(self._late, self._words[len(self._early) :], strict=True):
            if form in one.forms:
                word, place = divmod(one.forms.index(form), one.packed.per_word)
                source, bits = registers[word], one.packed.bits
                if place:
                    code.add("lsl", source, place * bits, self._scratch)
                    source = self._scratch
                code.add("and", source, (2**bits - 1) << (WORD - bits), self._scratch)
                code.add("mulu32h", self._scratch, TURN, self._scratch)
                if rest := one.packed.rests[one.forms.index(form)]:
                    code.add("add", self._scratch, rest, self._scratch)
                return self._scratch
        return None


def _divided(forms: list[Form], room: int) -> tuple[list[Form], list[Form]]:
    """Those for which there is room, spread evenly over the shot, and the others."""
    if len(forms) <= room:
        return forms, []
    share = max(0, room) / len(forms)
    early = [form for k, form in enumerate(forms) if int((k + 1) * share) > int(k * share)]
    return early, [form for form in forms if form not in early]


def _units(axes: Axes, form: Form) -> NDArray[np.int64]:
    """Phases in units of the hardware, ``int64[rows, 1]``."""
    return np.asarray(np.rint(form.over(axes.rows)[:, None] % 1.0 * TURN), np.int64) % TURN
