"""The processor's pace: what is refused here is what runs out of instructions in q1simulator, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import Schedule, SlotKind, Table
from qpu_bridge.schedule.shapes import gaussian
from qpu_drivers.qblox.compile import template
from tests.drivers.qblox.oracle.judge import compiled, perform
from tests.drivers.qblox.oracle.lab import Lab

UNDERRUN = "SEQUENCE PROCESSOR RT EXEC COMMAND UNDERFLOW"


def burst(pulses: int, length: int) -> Schedule:
    """Pulses of which each changes phase and gain: three instructions of 4 ns for each."""
    lab = Lab([4 * 10**7] * 7)
    for k in range(pulses):
        lab.build.play(lab.drive[0], gaussian(length, 2), amplitude=0.3 + 0.001 * (k % 7), phase=0.1 * k)
    return lab.build.build()


@pytest.mark.parametrize(
    ("pulses", "length", "rep_delay", "shots", "in_time"),
    [
        (60, 6, 2000, 3, True),
        (80, 6, 2000, 3, False),
        (120, 9, 2000, 3, True),
        (200, 10, 2000, 3, False),
        (400, 12, 2000, 3, True),
        (3, 10, 40, 10, True),
        (3, 10, 40, 300, False),  # each shot loses 2 ns
        (3, 10, 42, 300, True),
        (50, 10, 140, 300, True),
        (50, 10, 100, 300, False),
    ],
)
def test_the_simulator_agrees(
    monkeypatch: pytest.MonkeyPatch, pulses: int, length: int, rep_delay: int, shots: int, in_time: bool
) -> None:
    schedule = burst(pulses, length)
    if in_time:
        piece = compiled(schedule, Table.single(), shots, rep_delay)
    else:
        with pytest.raises(ScheduleError, match=r"before it is played.*ns late.*port d0"):
            compiled(schedule, Table.single(), shots, rep_delay)
        monkeypatch.setattr(template, "check_pace", lambda nodes, where: None)
        piece = compiled(schedule, Table.single(), shots, rep_delay)
    assert perform(piece, render_ns=10).flags == ({} if in_time else {(2, 0): {UNDERRUN}})


def test_rows_are_followed_too() -> None:
    lab = Lab([4 * 10**7] * 7)
    slots = [lab.build.slot(SlotKind.PHASE) for _ in range(30)]
    for slot in slots:
        lab.build.play(lab.drive[0], gaussian(20, 5), phase=slot)
    schedule = lab.build.build()
    table = Table(np.random.default_rng(5).uniform(0, 6, (40, 30)))
    assert not perform(compiled(schedule, table, 2, 400), render_ns=10).flags
