"""Phases of few bits, many to a word: how rows of a twirl fit into a program, and the instructions that unpack them.

A sequencer has no memory for data. What differs from row to row stands in its instructions: ``move word,R``. A phase on a grid of
``1 / 2**bits`` turns is a code of so many bits, and the words of a row hold the codes of all phases, the first at the top. Three
instructions bring one phase into a register: cut the top bits out, move the rest up, and multiply by a turn; the upper
half of the product is ``code * turn / 2**bits``. What a phase has beside its code (less than a step of the grid) is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpu_drivers.qblox.hardware import TURN

WORD = 32
MOST_BITS = 8
"""Bits of a code: steps of a turn of 10**9 are then whole units."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Phases of all rows.

    Attributes:
        bits: Bits of a code.
        words: ``uint32[rows, words]``.
        rests: What is added to each phase, units below one step of the grid.
    """

    bits: int
    words: NDArray[np.uint32]
    rests: tuple[int, ...]

    @property
    def per_word(self) -> int:
        """Codes in a word."""
        return WORD // self.bits


def pack(units: NDArray[np.int64]) -> Packed | None:
    """Pack phases.

    Args:
        units: ``int64[rows, phases]``, from 0 below `TURN`.

    Returns:
        The phases in as few bits as tell those of each column apart, or None if these are more than `MOST_BITS`.
    """
    for bits in range(1, MOST_BITS + 1):
        step = TURN >> bits
        codes, rests = np.divmod(units, step)
        # a phase between two steps may be rounded either way
        off = (rests - rests[:1] + step // 2) % step - step // 2
        if (np.abs(off) <= 1).all():
            codes = ((units - rests[:1] + step // 2) // step) % 2**bits
            return Packed(bits, _words(codes, bits), tuple(rests[0].tolist()))
    return None


def _words(codes: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    rows, phases = codes.shape
    per = WORD // bits
    padded = np.zeros((rows, -(-phases // per) * per), np.uint64)
    padded[:, :phases] = codes
    shifts = np.arange(WORD - bits, WORD - bits - bits * per, -bits, dtype=np.uint64)
    return np.asarray((padded.reshape(rows, -1, per) << shifts).sum(axis=2), dtype=np.uint32)


def unpacking(packed: Packed, words: Sequence[str], targets: Sequence[str], scratch: str) -> list[str]:
    """Instructions that fill registers from words, which they use up.

    No instruction reads what the one before it wrote.

    Args:
        packed: The phases.
        words: Registers that hold the words.
        targets: Registers of the phases, in their order.
        scratch: A register more.
    """
    mask = (2**packed.bits - 1) << (WORD - packed.bits)
    text: list[str] = []
    owed: str | None = None
    for k, target in enumerate(targets):
        word = words[k // packed.per_word]
        text.append(f"and {word},{mask},{scratch}")
        if owed:
            text.append(owed)
        text.append(f"lsl {word},{packed.bits},{word}")
        text.append(f"mulu32h {scratch},{TURN},{target}")
        owed = f"add {target},{packed.rests[k]},{target}" if packed.rests[k] else None
    return [*text, "nop", owed] if owed else text


def cycles(packed: Packed) -> int:
    """Cycles of the processor that unpacking takes, by the simulator's count."""
    return sum(11 + (3 if rest else 0) for rest in packed.rests) + 1
