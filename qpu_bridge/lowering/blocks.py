"""From the tree of runs to the schedule's blocks: waits for measured bits, arms of equal length, phases kept in real time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpu_bridge.lowering.angle import Affine
from qpu_bridge.lowering.program import Choice, Loop, Node, Run, Store, Until, Wait
from qpu_bridge.schedule import (
    NONE,
    Apply,
    Assign,
    Block,
    Body,
    Branch,
    Constant,
    Expression,
    Operator,
    Read,
    Repeat,
    SlotKind,
    SlotValue,
    Straight,
    VariableKind,
    While,
    children,
    columns_of,
)

Ready = dict[int, int]
"""Column -> ticks from now until its bit may be read."""


@dataclass(slots=True)
class Assembly:
    """Turns nodes into blocks.

    Attributes:
        edges: First event of each run, ``int64[runs + 1]``.
        lengths: Ticks of each run.
        captures: Run -> pairs of (column, tick at which its capture ends).
        latency: Ticks from the end of a capture until its bit may be read.
        nets: What each span turns each qubit by.
        variable_of: Qubit -> real-time variable that keeps its phase.
        others: Slots after the phase slots; values and waits are appended.
        taken: Number of phase slots.
        longest: Ticks that all loops with a condition may last together.
        step: Blocks last a multiple of this many ticks, so that starts fall on the grid.
    """

    edges: NDArray[np.int64]
    lengths: list[int]
    captures: dict[int, list[tuple[int, int]]]
    latency: int
    nets: dict[int, dict[int, Affine]]
    variable_of: dict[int, int]
    others: list[tuple[SlotKind, Affine]]
    taken: int
    longest: int
    step: int = 1
    run: int = 0
    here: int = 0
    made: list[tuple[Block, int]] = field(default_factory=list)

    def body(self, nodes: tuple[Node, ...], ready: Ready) -> Body:
        """Blocks of a sequence of nodes; ``ready`` is moved on to its end."""
        self.longest //= max(1, _untils(nodes))
        return tuple(self._body(nodes, ready))

    def blocks_of_runs(self, straights: list[Straight]) -> NDArray[np.int64]:
        """Index of each run's block among the straight blocks, ``int64[runs]``."""
        where = {id(block): index for index, block in enumerate(straights)}
        found = np.zeros(self.run, np.int64)
        for block, run in self.made:
            if id(block) in where:
                found[run] = where[id(block)]
        return found

    def _body(self, nodes: tuple[Node, ...], ready: Ready) -> list[Block]:
        blocks: list[Block] = []
        for node in nodes:
            if isinstance(node, Run):
                self._straight(blocks, ready)
            elif isinstance(node, Wait):
                blocks.append(Straight(self.here, self.here, 0, self._slot(SlotKind.DURATION, node.ticks)))
            elif isinstance(node, Store):
                self._await(blocks, ready, columns_of(node.value))
                blocks.append(Assign(node.variable, node.value))
            elif isinstance(node, Choice):
                self._choice(blocks, ready, node)
            elif isinstance(node, Loop):
                blocks.append(Repeat(node.count, self._round(node, set(), ready)))
            else:
                self._until(blocks, ready, node)
        return blocks

    def _straight(self, blocks: list[Block], ready: Ready) -> None:
        run, length = self.run, self.lengths[self.run]
        first, last = int(self.edges[run]), int(self.edges[run + 1])
        self.run += 1
        self.here = last
        block = Straight(first, last, length)
        self.made.append((block, run))
        blocks.append(block)
        _pass(ready, length)
        for column, end in self.captures.get(run, ()):
            ready[column] = max(0, end + self.latency - length)

    def _await(self, blocks: list[Block], ready: Ready, columns: set[int]) -> None:
        """Make bits readable."""
        ticks = max((ready.get(column, 0) for column in columns), default=0)
        self._idle(blocks, ready, -(-ticks // self.step) * self.step)

    def _idle(self, blocks: list[Block], ready: Ready, ticks: int) -> None:
        """Wait at the end of a sequence of blocks."""
        if ticks <= 0:
            return
        last = blocks[-1] if blocks else None
        if isinstance(last, Straight) and last.duration_slot == NONE:
            longer = Straight(last.first, last.last, last.duration + ticks)
            self.made += [(longer, run) for block, run in self.made if block is last]
            blocks[-1] = longer
        else:
            blocks.append(Straight(self.here, self.here, ticks))
        _pass(ready, ticks)

    def _choice(self, blocks: list[Block], ready: Ready, node: Choice) -> None:
        asked = set().union(*(columns_of(arm.condition) for arm in node.arms if arm.condition is not None))
        self._await(blocks, ready, asked)
        conditions = [arm.condition for arm in node.arms]
        arms: list[tuple[list[Block], Ready]] = []
        for arm in node.arms:
            after = dict(ready)
            arms.append((self._body(arm.body, after) + self._turned(arm.span.number), after))
        if conditions[-1] is not None:  # what is not written is an arm that only waits
            conditions.append(None)
            arms.append(([], dict(ready)))
        lengths = [duration(body) for body, _ in arms]
        longest = max((length for length in lengths if length is not None), default=0)
        for (body, after), length in zip(arms, lengths, strict=True):
            if length is not None:
                self._idle(body, after, longest - length)
        otherwise: Body = tuple(arms[-1][0])
        for (body, _), condition in zip(arms[-2::-1], conditions[-2::-1], strict=True):
            assert condition is not None
            otherwise = (Branch(condition, tuple(body), otherwise),)
        blocks.extend(otherwise)
        for column in set().union(*(after for _, after in arms)):
            ready[column] = max(after.get(column, 0) for _, after in arms)

    def _until(self, blocks: list[Block], ready: Ready, node: Until) -> None:
        asked = columns_of(node.condition)
        self._await(blocks, ready, asked)
        skipped = dict(ready)
        share, inner = self.longest, _untils(node.body)
        if inner:
            self.longest = share // (_ROUNDS_AROUND * inner)
        body = self._round(node, asked, ready)
        self.longest = share
        length = _longest(body)
        blocks.append(While(node.condition, body, max(1, share // length) if length else _MOST_ROUNDS))
        for column, ticks in skipped.items():
            ready[column] = max(ticks, ready.get(column, 0))

    def _round(self, node: Loop | Until, asked: set[int], ready: Ready) -> Body:
        """A loop's body; what a round reads that the round before measured is readable when that round ends."""
        blocks = self._body(node.body, ready)
        self._await(blocks, ready, asked | _asked(node.body))
        if not _shortest(blocks):
            self._idle(blocks, ready, self.step)  # a turn takes time
        return (*blocks, *self._turned(node.span.number))

    def _turned(self, span: int) -> list[Block]:
        """Keep in real time what a span turned the qubits by; outside of it their phases forget it."""
        found: list[Block] = []
        for qubit, net in sorted(self.nets.get(span, {}).items()):
            variable = self.variable_of[qubit]
            value: Expression = Read(variable)
            if net.constant:
                value = _sum(value, Constant(-net.constant))
            if net.terms:
                value = _sum(value, SlotValue(self._slot(SlotKind.VALUE, Affine(0.0, net.times(-1.0).terms))))
            found.append(Assign(variable, value))
        return found

    def _slot(self, kind: SlotKind, number: Affine) -> int:
        self.others.append((kind, number))
        return self.taken + len(self.others) - 1


_MOST_ROUNDS = 2**16
"""Rounds of a loop with a condition whose body takes no time of its own, or none that is known."""
_ROUNDS_AROUND = 64
"""Rounds that a loop with a condition should be able to make around others at their longest."""


def duration(blocks: Sequence[Block]) -> int | None:
    """Ticks of a sequence of blocks, None if it depends on a slot or a loop with a condition."""
    total = 0
    for block in blocks:
        if isinstance(block, Straight):
            part = block.duration if block.duration_slot == NONE else None
        elif isinstance(block, Branch):
            part = duration(block.then)
            part = part if part == duration(block.otherwise) else None
        elif isinstance(block, Repeat):
            part = duration(block.body)
            part = None if part is None else block.count * part
        else:
            part = None if isinstance(block, While) else 0
        if part is None:
            return None
        total += part
    return total


def _longest(blocks: Sequence[Block]) -> int | None:
    """Most ticks of a sequence of blocks, None if it waits for a slot."""
    total = 0
    for block in blocks:
        inner = [_longest(part) for part in children(block)]
        if None in inner or (isinstance(block, Straight) and block.duration_slot != NONE):
            return None
        most = max((part for part in inner if part is not None), default=0)
        rounds = block.maximum if isinstance(block, While) else block.count if isinstance(block, Repeat) else 1
        total += block.duration if isinstance(block, Straight) else rounds * most
    return total


def _untils(nodes: tuple[Node, ...]) -> int:
    """Loops with a condition among nodes, not those inside others, but each as often as loops around it turn."""
    found = 0
    for node in nodes:
        if isinstance(node, Until):
            found += 1
        elif isinstance(node, Choice):
            found += sum(_untils(arm.body) for arm in node.arms)
        elif isinstance(node, Loop):
            found += node.count * _untils(node.body)
    return found


def _shortest(blocks: Sequence[Block]) -> int:
    """Fewest ticks of a sequence of blocks."""
    total = 0
    for block in blocks:
        if isinstance(block, Straight):
            total += block.duration
        elif isinstance(block, Branch):
            total += min(_shortest(block.then), _shortest(block.otherwise))
        elif isinstance(block, Repeat):
            total += block.count * _shortest(block.body)
    return total


def _asked(nodes: tuple[Node, ...]) -> set[int]:
    """Columns that a sequence of nodes reads in real time."""
    found: set[int] = set()
    for node in nodes:
        if isinstance(node, Store):
            found |= columns_of(node.value)
        elif isinstance(node, Choice):
            for arm in node.arms:
                found |= _asked(arm.body) | (columns_of(arm.condition) if arm.condition is not None else set())
        elif isinstance(node, Loop):
            found |= _asked(node.body)
        elif isinstance(node, Until):
            found |= _asked(node.body) | columns_of(node.condition)
    return found


def _sum(left: Expression, right: Expression) -> Expression:
    return Apply(Operator.ADD, (left, right), VariableKind.FLOAT)


def _pass(ready: Ready, ticks: int) -> None:
    """Let time go by."""
    for column in ready:
        ready[column] = max(0, ready[column] - ticks)
