"""Text of instructions."""

from __future__ import annotations

from qpu_drivers.qblox.compile.code import Code, text


def test_what_was_just_written_is_not_read_at_once() -> None:
    code = Code()
    code.add("move", 3, "R0")
    code.label("here")
    code.add("add", "R0", 1, "R1")
    code.add("set_ph", "R0")
    code.add("play", 0, 0, 4, ticks=4)
    assert text(code.nodes) == "move 3,R0\nhere: nop\nadd R0,1,R1\nset_ph R0\nplay 0,0,4\n"


def test_a_loop_counts_down_and_a_single_turn_is_none() -> None:
    code = Code()
    with code.loop(1, "R0"):
        code.add("wait", 4, ticks=4)
    with code.loop(7, "R0"):
        code.add("wait", 8, ticks=8)
    assert text(code.nodes) == "wait 4\nmove 7,R0\nl1: wait 8\nsub R0,1,R0\njnz @l1\n"
