"""Numbers that loops move stay within a unit of the hardware of what they mean, however many steps they take."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.schedule import SlotKind, Table
from qpu_bridge.schedule.shapes import drag
from qpu_drivers.qblox.hardware import FULL_SCALE, TURN
from tests.drivers.qblox.oracle.judge import compiled
from tests.drivers.qblox.oracle.lab import Lab

WORD = 2**32
REAL_TIME = frozenset({"wait_sync", "set_awg_offs", "upd_param", "wait", "play", "reset_ph", "nop"})


def executed(text: str) -> dict[str, list[int]]:
    """What each setting is given, in the order of execution: the few instructions of loops, as the processor counts."""
    lines, labels = [], {}
    for line in text.splitlines():
        *names, rest = line.split(": ")
        labels |= {f"@{name}": len(lines) for name in names}
        op, _, arguments = rest.partition(" ")
        lines.append((op, arguments.split(",")))
    registers: dict[str, int] = {}
    found: dict[str, list[int]] = {"set_freq": [], "set_ph": [], "set_awg_gain": []}
    at = carry = result = 0
    while lines[at][0] != "stop":
        op, arguments = lines[at]
        values = [registers[a] if a in registers else int(a) if a.lstrip("-").isdigit() else 0 for a in arguments if a]
        at += 1
        if op in found:
            found[op].append((values[0] + WORD // 2) % WORD - WORD // 2 if op != "set_ph" else values[0])
        elif op == "move":
            registers[arguments[1]] = values[0]
        elif op in ("add", "sub"):
            total = values[0] + (values[1] if op == "add" else -values[1])
            carry, result = total // WORD, total % WORD
            registers[arguments[2]] = result
        elif op == "mulu32h":
            registers[arguments[2]] = values[0] * values[1] // WORD
        elif op == "asr":
            registers[arguments[2]] = ((values[0] + WORD // 2) % WORD - WORD // 2 >> values[1]) % WORD
        elif (op == "jnz" and result) or (op == "jae" and not carry):
            at = labels[arguments[0]]
        else:
            assert op in REAL_TIME | {"jnz", "jae"}, op
    return found


@pytest.mark.parametrize(
    ("kind", "start", "step"),
    [
        (SlotKind.FREQUENCY, -150e6, 12_345.6789),
        (SlotKind.FREQUENCY, 210e6, -40_000.0),
        (SlotKind.AMPLITUDE, -0.97, 0.000_193_777),
        (SlotKind.PHASE, 2.5, -0.777_777_7),
    ],
)
def test_ten_thousand_steps(kind: SlotKind, start: float, step: float) -> None:
    lab = Lab([4 * 100_000_001] + [4 * 10**7] * 6)
    slot = lab.build.sweep(kind, start, step, 10_000)
    if kind is SlotKind.FREQUENCY:
        lab.build.set_frequency(lab.drive[0], slot)
    chosen = {"amplitude": slot} if kind is SlotKind.AMPLITUDE else {"phase": slot} if kind is SlotKind.PHASE else {}
    lab.build.play(lab.drive[0], drag(40, 10, 0.5), **{"amplitude": 0.5, **chosen})  # type: ignore[arg-type]
    (one,) = compiled(lab.build.build(), Table(np.zeros((1, 1))), 1, 1_000).program.sequencers
    found = executed(one.text)
    wanted = start + step * np.arange(10_000)
    # the oscillator begins 8 ns before the shot, and a carrier is sampled half a sample behind
    frequency = 100_000_001 + (wanted if kind is SlotKind.FREQUENCY else 0)
    phase = -7.5e-9 * frequency - (wanted if kind is SlotKind.PHASE else 0) / (2 * np.pi)
    if kind is SlotKind.FREQUENCY:
        assert np.abs(np.array(found["set_freq"]) - 4 * frequency).max() <= 0.51
    if kind is SlotKind.AMPLITUDE:
        assert np.abs(np.array(found["set_awg_gain"]) - wanted * FULL_SCALE).max() <= 0.6
    off = np.array(found["set_ph"]) / TURN - phase
    assert np.abs(off - np.round(off)).max() < 1e-5
