from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import openpulse
import pytest
from openpulse import ast

from qpu_bridge.schedule import (
    Acquisition,
    Apply,
    Bits,
    Branch,
    Builder,
    Column,
    Constant,
    Discriminator,
    Operator,
    PortKind,
    Read,
    Schedule,
    Slot,
    SlotKind,
    SlotValue,
    Variable,
    VariableKind,
    to_openpulse,
)
from qpu_bridge.schedule.block import Assign, Repeat, Rows, Shots, Straight, While
from qpu_bridge.schedule.shapes import constant
from qpu_bridge.units import Clock

GOLDEN = Path(__file__).parent / "golden"


class _Count:
    """Counts nodes of each type, and calls of each name."""

    def __init__(self, node: object) -> None:
        self.nodes: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self.visit(node)

    def visit(self, node: object) -> None:
        if isinstance(node, list | tuple):
            for item in node:
                self.visit(item)
        elif isinstance(node, ast.QASMNode):
            kind = type(node).__name__
            self.nodes[kind] = self.nodes.get(kind, 0) + 1
            if isinstance(node, ast.FunctionCall):
                self.calls[node.name.name] = self.calls.get(node.name.name, 0) + 1
            for field in vars(node).values():
                self.visit(field)


def test_the_text_of_everything_is_read_by_an_openpulse_parser(schedule: Schedule) -> None:
    count = _Count(openpulse.parse(to_openpulse(schedule)))
    assert count.calls["play"] == 7
    assert count.calls["capture_iq"] == 2
    assert count.calls["newframe"] == 5
    assert count.nodes["ForInLoop"] == 2 + 1 + 1
    assert count.nodes["BranchingStatement"] == 1 + 1
    assert count.nodes["IODeclaration"] == 2 + 1


def test_names_that_clash_are_told_apart(schedule: Schedule) -> None:
    text = to_openpulse(schedule)
    assert "frame s0_2 = newframe(a0" in text
    assert "input float[64] s0;" in text


def reset() -> Schedule:
    """Measure, and flip if 1."""
    build = Builder(Clock(Fraction(1, 10**9)))
    drive, tone_port, acquire = (
        build.port(name, kind) for name, kind in (("d0", PortKind.DRIVE), ("m0", PortKind.READOUT), ("a0", PortKind.ACQUIRE))
    )
    qubit, tone, receive = build.frame("q0", drive, 5e9), build.frame("r0", tone_port, 7e9), build.frame("k0", acquire, 7e9)
    column = build.column(Column("reset", discriminator=Discriminator(0.25, 1.5), returned=False))
    build.play(tone, constant(4), amplitude=0.5)
    build.delay(acquire, 1)
    build.capture(receive, column, 3)
    build.wait(8)
    with build.branch(Bits((column,))):
        build.play(qubit, constant(2), phase=0.5)
    return build.build()


def test_active_reset_is_this_text() -> None:
    assert to_openpulse(reset()) == (GOLDEN / "reset.qasm").read_text(encoding="utf-8")


def test_every_kind_of_control_is_read_by_the_parser() -> None:
    base = reset()
    word = Apply(Operator.SHIFT_LEFT, (Bits((0, 0)), Constant(1)), VariableKind.UINT, 8)
    values = [
        Apply(Operator.INDEX, (word, Constant(1)), VariableKind.UINT, 1),
        Apply(Operator.CAST, (Read(0),), VariableKind.FLOAT),
        Apply(Operator.CAST, (SlotValue(0),), VariableKind.UINT, 8),
        Apply(Operator.NEGATE, (Constant(1.5),), VariableKind.FLOAT),
        Apply(Operator.NOT, (Constant(True),), VariableKind.BOOL, 1),
        *(Apply(op, (Read(0), Read(0)), VariableKind.UINT, 8) for op in Operator if op not in _SPECIAL),
    ]
    body = (
        *(Assign(0, value) for value in values),
        Repeat(3, base.realtime, 0),
        While(Apply(Operator.LESS, (Read(0), Constant(3)), VariableKind.BOOL, 1), (Straight(0, 0, 4),), 5),
        Branch(Bits((0,)), (), (Straight(0, 0, 3),)),
    )
    control = replace(
        base,
        slots=(Slot(SlotKind.VALUE),),
        variables=(Variable("for", VariableKind.UINT, 8), Variable("b", VariableKind.BOOL, 1)),
        body=(Rows((Shots(body),)),),
    )
    count = _Count(openpulse.parse(to_openpulse(control)))
    assert count.nodes["WhileLoop"] == 1


_SPECIAL = {Operator.INDEX, Operator.CAST, Operator.NEGATE, Operator.NOT, Operator.BIT_NOT}


@pytest.mark.parametrize("acquisition", list(Acquisition))
def test_raw_and_integrated_captures_are_read_by_the_parser(acquisition: Acquisition) -> None:
    base = reset()
    column = replace(base.columns[0], acquisition=acquisition, discriminator=None)
    plain = replace(base, columns=(column,), body=(Rows((Shots(base.realtime[:-1]),)),), events=base.events[:2])
    text = to_openpulse(plain)
    openpulse.parse(text)
    assert ("capture_trace(k0" in text) == (acquisition is Acquisition.RAW)
    assert "discriminate(reset" not in text


@pytest.mark.parametrize("order", ["sequential", "cyclic"])
def test_an_axis_of_two_sweeps_is_one_loop_and_a_shot_begins_inside_of_all(order: Literal["sequential", "cyclic"]) -> None:
    build = Builder(Clock(Fraction(1, 10**9)))
    frame = build.frame("q0", build.port("d0", PortKind.DRIVE), 5e9)
    axis = build.axis(3)
    build.play(
        frame, constant(4), amplitude=axis.sweep(SlotKind.AMPLITUDE, 0.0, 0.25), phase=axis.sweep(SlotKind.PHASE, 0.5, 0.1)
    )
    text = to_openpulse(build.build(order))
    assert text.count("in [0:2]") == 1
    assert max(text.index(" = 0.0 + 0.25 * "), text.index(" = 0.5 + 0.1 * "), text.index("in [1:shots]")) < text.index("newframe")
