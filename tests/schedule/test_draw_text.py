"""Pictures are golden files: look at them, and write them anew with ``draw`` when a change is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qpu_bridge.errors import ScheduleError
from qpu_bridge.schedule import (
    Bits,
    Repeat,
    Rows,
    Schedule,
    Shots,
    Straight,
    Table,
    Variable,
    VariableKind,
    While,
    draw,
)
from qpu_bridge.schedule.layout import layout

GOLDEN = Path(__file__).parent / "golden"


def test_a_template_is_drawn_with_its_slots(schedule: Schedule) -> None:
    assert draw(schedule) == (GOLDEN / "everything.txt").read_text(encoding="utf-8")


def test_a_row_is_drawn_with_its_numbers(schedule: Schedule) -> None:
    table = Table(np.array([[0, 0, 0, 0], [np.pi, 0.7, 0, 0]]))
    assert draw(schedule, 1, table) == (GOLDEN / "everything_row_1.txt").read_text(encoding="utf-8")


def test_a_row_must_be_there(schedule: Schedule) -> None:
    with pytest.raises(ScheduleError, match="a row must be one of a table with 4 slots"):
        draw(schedule, 0)


def test_a_sweep_is_drawn(ramsey: Schedule) -> None:
    assert draw(ramsey, width=40) == (GOLDEN / "ramsey.txt").read_text(encoding="utf-8")


def test_a_long_block_is_cut_short(ramsey: Schedule) -> None:
    block = ramsey.straight_blocks()[0]
    events = np.tile(ramsey.events[:1], 40)
    events["start"] = np.arange(40) * 32
    long = replace(ramsey, events=events, body=(replace(block, first=0, last=40, duration=1280),))
    assert draw(long).rstrip().endswith("... and 16 more")


def test_a_loop_with_a_condition_and_a_counter_are_told(ramsey: Schedule) -> None:
    body = (While(Bits((0,)), (Straight(0, 0, 4),), 3), Repeat(2, (), 0))
    counted = replace(ramsey, variables=(Variable("i", VariableKind.UINT, 8),), body=(Rows((Shots(body),)),))
    text = draw(counted)
    assert "while c[0], at most 3 times:\n  wait 4 ns\n2 times, counting i:\n" in text
    assert "while c[0]" in {span.label for span in layout(counted).spans}
