"""Where the blocks of a schedule stand on a page: one after the other, each arm of a branch and each loop once."""

from __future__ import annotations

from dataclasses import dataclass

from qpu_bridge.schedule import words
from qpu_bridge.schedule.block import Assign, Body, Branch, Repeat, Straight, While
from qpu_bridge.schedule.event import NONE
from qpu_bridge.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Panel:
    """A straight block on the page, from ``start`` (ticks of the page)."""

    block: Straight
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the page that belongs to one body of control, or to a swept wait.

    Attributes:
        kind: ``then``, ``otherwise``, ``loop``, ``wait`` or ``assign``.
        label: What it says.
        start: First tick of the page.
        stop: One past the last.
        depth: How deep it is nested.
    """

    kind: str
    label: str
    start: int
    stop: int
    depth: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A page.

    Attributes:
        panels: Straight blocks.
        spans: Control around them.
        width: Ticks in all.
        folded: Whether the page is not simply time, because something is drawn once that may be played otherwise.
    """

    panels: tuple[Panel, ...]
    spans: tuple[Span, ...]
    width: int
    folded: bool


def layout(schedule: Schedule) -> Layout:
    """Lay out what one shot plays. Swept waits get a gap of one eightieth of the whole, or their constant part if longer."""
    fixed = sum(block.duration for block in schedule.straight_blocks())
    page = _Page(schedule, gap=max(fixed // 80, 1))
    width = page.body(schedule.realtime, 0, 0)
    return Layout(tuple(page.panels), tuple(page.spans), max(width, 1), bool(page.spans))


class _Page:
    def __init__(self, schedule: Schedule, gap: int) -> None:
        self.schedule = schedule
        self.gap = gap
        self.panels: list[Panel] = []
        self.spans: list[Span] = []

    def body(self, body: Body, at: int, depth: int) -> int:
        for block in body:
            if isinstance(block, Straight):
                width = block.duration
                if block.duration_slot != NONE:
                    width = max(width, self.gap)
                    self.spans.append(Span("wait", f"wait s{block.duration_slot}", at, at + width, depth))
                self.panels.append(Panel(block, at, width))
                at += width
            elif isinstance(block, Assign):
                name = self.schedule.variables[block.variable].name
                text = f"{name} = {words.expression(self.schedule, block.value)}"
                self.spans.append(Span("assign", text, at, at, depth))
            elif isinstance(block, Branch):
                condition = words.expression(self.schedule, block.condition)
                at = self.inside("then", f"if {condition}", block.then, at, depth)
                at = self.inside("otherwise", "else", block.otherwise, at, depth)
            elif isinstance(block, Repeat):
                at = self.inside("loop", f"{block.count} times", block.body, at, depth)
            elif isinstance(block, While):
                condition = words.expression(self.schedule, block.condition)
                at = self.inside("loop", f"while {condition}", block.body, at, depth)
        return at

    def inside(self, kind: str, label: str, body: Body, at: int, depth: int) -> int:
        index = len(self.spans)
        stop = self.body(body, at, depth + 1)
        if stop > at:
            self.spans.insert(index, Span(kind, label, at, stop, depth))
        return stop
