"""Waits of any length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qpu_drivers.qblox.compile.code import Code, Instruction, Loop, Node, instructions
from qpu_drivers.qblox.compile.wait import wait, wait_register


def lengths(nodes: list[Node]) -> Iterator[int]:
    for node in nodes:
        if isinstance(node, Loop):
            yield from list(lengths(node.nodes)) * node.count
        elif isinstance(node, Instruction) and node.op == "wait":
            yield int(node.args[0])


@pytest.mark.parametrize("ticks", [0, 4, 65_531, 65_532, 65_535, 65_536, 131_064, 131_067, 131_068, 10**6, 10**9 + 3])
def test_all_parts_are_waits_that_exist(ticks: int) -> None:
    code = Code()
    wait(code, ticks, "R0")
    found = list(lengths(code.nodes))
    assert sum(found) == ticks
    assert all(4 <= one <= 65_535 for one in found)
    assert len(list(instructions(code.nodes))) <= 5


@pytest.mark.parametrize("ticks", [4, 65_535, 65_536, 98_301, 98_302, 200_000, 1_234_567])
def test_a_register_is_waited_for_exactly(ticks: int) -> None:
    code = Code()
    wait_register(code, "R0", 4, 2_000_000, "R1")
    assert waited(list(instructions(code.nodes)), ticks) == ticks


def waited(lines: list[Instruction], ticks: int) -> int:
    """The few instructions of a wait, executed."""
    registers, at, total, above = {"R0": ticks}, 0, 0, False
    labels = {f"@{label}": k for k, line in enumerate(lines) for label in line.labels}
    while at < len(lines):
        line = lines[at]
        values = [registers.get(str(a), a) for a in line.args]
        at += 1
        if line.op == "wait":
            assert 4 <= int(values[0]) <= 65_535
            total += int(values[0])
        elif line.op == "move":
            registers[str(line.args[1])] = int(values[0])
        elif line.op == "sub":
            registers[str(line.args[2])] = int(values[0]) - int(values[1])
        elif line.op == "cmp":
            above = int(values[0]) > int(values[1])
        elif line.op == "jmp" or (line.op == "jbe" and not above):
            at = labels[str(line.args[0])]
    return total
