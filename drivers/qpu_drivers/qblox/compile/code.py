"""Q1ASM as a tree of instructions and loops, which can be written, counted, and timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Argument: TypeAlias = int | str
"""A number, a register ``R7`` or a label ``@name``."""
_WRITING = frozenset({"move", "not", "add", "sub", "and", "or", "xor", "asl", "asr", "lsl", "lsr", "mulu32h"})
"""Instructions whose last argument is the register that they write."""


@dataclass(slots=True)
class Instruction:
    """One line.

    Attributes:
        op: Mnemonic.
        args: Its arguments.
        ticks: Of a real-time instruction, how long it lasts at least, ns; None for others.
        labels: Where it can be jumped to.
    """

    op: str
    args: tuple[Argument, ...] = ()
    ticks: int | None = None
    labels: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[Argument, ...]:
        """Registers that it reads."""
        read = self.args[:-1] if self.op in _WRITING else self.args
        return tuple(a for a in read if isinstance(a, str) and a[0] == "R")

    @property
    def writes(self) -> Argument | None:
        """The register that it writes."""
        return self.args[-1] if self.op in _WRITING else None

    def __str__(self) -> str:
        return " ".join([*(f"{label}:" for label in self.labels), self.op, ",".join(map(str, self.args))]).rstrip()


@dataclass(slots=True)
class Loop:
    """Instructions that are passed several times; the last one jumps back."""

    count: int
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Calls:
    """A body that is passed once after each of several entries, which end with the jump to it; `body` ends with the jump back."""

    entries: list[list[Node]] = field(default_factory=list)
    body: list[Node] = field(default_factory=list)


Node: TypeAlias = Instruction | Loop | Calls


class Code:
    """A program under construction. What reads a register right after it was written gets a ``nop`` before it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._labels: list[str] = []
        self._written: Argument | None = None
        self._names = 0

    def add(self, op: str, *args: Argument, ticks: int | None = None) -> None:
        """Append an instruction; `ticks` says how long a real-time one lasts at least."""
        one = Instruction(op, args, ticks, tuple(self._labels))
        if self._written is not None and self._written in one.reads:
            self.nodes.append(Instruction("nop", labels=one.labels))
            one.labels = ()
        self._labels = []
        self.nodes.append(one)
        self._written = one.writes

    def label(self, name: str) -> None:
        """Name the next instruction."""
        self._labels.append(name)

    def name(self, stem: str) -> str:
        """A label that no other has."""
        self._names += 1
        return f"{stem}{self._names}"

    @contextmanager
    def inside(self, nodes: list[Node]) -> Iterator[None]:
        """Append to another list of nodes for a while."""
        outer, self.nodes = self.nodes, nodes
        try:
            yield
        finally:
            self.nodes = outer

    @contextmanager
    def loop(self, count: int, counter: str) -> Iterator[None]:
        """Pass what is added meanwhile several times, counted down in a register."""
        if count == 1:
            yield
            return
        self.add("move", count, counter)
        name = self.name("l")
        self.label(name)
        loop = Loop(count)
        self.nodes.append(loop)
        with self.inside(loop.nodes):
            yield
            self.add("sub", counter, 1, counter)
            self.add("jnz", f"@{name}")


def instructions(nodes: list[Node]) -> Iterator[Instruction]:
    """All lines in the order of the text; the body of calls stands behind their last entry."""
    for node in nodes:
        if isinstance(node, Instruction):
            yield node
        elif isinstance(node, Loop):
            yield from instructions(node.nodes)
        else:
            for entry in node.entries:
                yield from instructions(entry)
            yield from instructions(node.body)


def text(nodes: list[Node]) -> str:
    """The program as the assembler takes it."""
    return "".join(f"{one}\n" for one in instructions(nodes))
