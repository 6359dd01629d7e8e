"""Waits: of any length, of a number or a register."""

from __future__ import annotations

from qpu_drivers.qblox.compile.code import Code
from qpu_drivers.qblox.hardware import LONGEST, SHORTEST

CHUNK = LONGEST - SHORTEST + 1
"""What leaves a rest of which one instruction can wait, and which is not too short."""
INLINE = 3
"""So many waits are written out; more are a loop."""


def wait(code: Code, ticks: int, counter: str) -> None:
    """Wait a number of ticks, 0 or at least 4."""
    chunks, rest = divmod(ticks, CHUNK)
    if chunks and rest < SHORTEST:
        chunks, rest = chunks - 1, rest + CHUNK
    if chunks <= INLINE:
        for _ in range(chunks):
            code.add("wait", CHUNK, ticks=CHUNK)
    else:
        with code.loop(chunks, counter):
            code.add("wait", CHUNK, ticks=CHUNK)
    if rest:
        code.add("wait", rest, ticks=rest)


def wait_register(code: Code, register: str, least: int, most: int, scratch: str) -> None:
    """Wait as many ticks as a register holds, from `least` to `most`."""
    if most <= LONGEST:
        code.add("wait", register, ticks=least)
        return
    again, last = code.name("w"), code.name("w")
    half = CHUNK // 2
    code.add("move", register, scratch)
    code.label(again)
    code.add("cmp", scratch, LONGEST)
    code.add("jbe", f"@{last}")
    code.add("sub", scratch, half, scratch)
    code.add("wait", half, ticks=0)
    code.add("jmp", f"@{again}")
    code.label(last)
    code.add("wait", scratch, ticks=least)
